#include "runtime/trace/flight_recorder.hpp"

#include <algorithm>
#include <bit>

namespace troupe::trace {
namespace {

std::atomic<FlightRecorder*> the_recorder{nullptr};

}  // namespace

FlightRecorder::FlightRecorder(std::size_t records)
    : mask_(std::bit_ceil(std::max<std::size_t>(records, 2)) - 1),
      slots_(std::make_unique<Slot[]>(mask_ + 1)),
      max_notes_(std::max<std::size_t>((mask_ + 1) / 16, 16)) {}

FlightRecorder::~FlightRecorder() = default;

// A slot's first word is the event's number, 0 while it is written: a reader that sees the same number before and after
// the other words has read one event whole.
std::uint64_t FlightRecorder::record(const Event& event) {
  const std::uint64_t number = last_.fetch_add(1, std::memory_order_relaxed) + 1;
  auto& words = slots_[number & mask_].words;
  words[0].store(0, std::memory_order_relaxed);
  const auto put = [&](std::size_t i, std::uint64_t value) { words[i].store(value, std::memory_order_release); };
  put(1, static_cast<std::uint64_t>(event.time_ns));
  put(2, event.request.value);
  put(3, (std::uint64_t{event.from} << 32) | event.to);
  put(4, event.element);
  put(5, reinterpret_cast<std::uintptr_t>(event.type));
  put(6, (std::uint64_t{event.handling_ns} << 1) | (event.kind == EventKind::kHandled ? 1 : 0));
  put(7, event.kind == EventKind::kHandled ? reinterpret_cast<std::uintptr_t>(event.actor) : event.cause);
  words[0].store(number, std::memory_order_release);
  return number;
}

std::vector<Event> FlightRecorder::events() const {
  std::vector<Event> events;
  const std::uint64_t last = last_.load(std::memory_order_acquire);
  const std::uint64_t first = last > mask_ ? last - mask_ : 1;
  events.reserve(static_cast<std::size_t>(last - first + 1));
  for (std::uint64_t number = first; number <= last; ++number) {
    const auto& words = slots_[number & mask_].words;
    if (words[0].load(std::memory_order_acquire) != number) continue;
    std::array<std::uint64_t, 8> copy;
    for (std::size_t i = 1; i < copy.size(); ++i) copy[i] = words[i].load(std::memory_order_acquire);
    if (words[0].load(std::memory_order_relaxed) != number) continue;
    Event event;
    event.number = number;
    event.time_ns = static_cast<std::int64_t>(copy[1]);
    event.request = RequestId{copy[2]};
    event.from = static_cast<std::uint32_t>(copy[3] >> 32);
    event.to = static_cast<std::uint32_t>(copy[3]);
    event.element = copy[4];
    event.type = reinterpret_cast<const MessageType*>(static_cast<std::uintptr_t>(copy[5]));
    event.kind = (copy[6] & 1) != 0 ? EventKind::kHandled : EventKind::kSent;
    event.handling_ns = static_cast<std::uint32_t>(copy[6] >> 1);
    if (event.kind == EventKind::kHandled) {
      event.actor = reinterpret_cast<const char*>(static_cast<std::uintptr_t>(copy[7]));
    } else {
      event.cause = copy[7];
    }
    events.push_back(event);
  }
  return events;
}

void FlightRecorder::note(Note note) {
  const std::lock_guard lock(notes_mutex_);
  if (notes_.size() >= max_notes_) notes_.pop_front();
  notes_.push_back(std::move(note));
}

std::vector<Note> FlightRecorder::notes() const {
  const std::lock_guard lock(notes_mutex_);
  return {notes_.begin(), notes_.end()};
}

std::uint64_t FlightRecorder::dropped() const {
  const std::uint64_t last = last_.load(std::memory_order_relaxed);
  return last > mask_ + 1 ? last - mask_ - 1 : 0;
}

FlightRecorder* installed() { return the_recorder.load(std::memory_order_acquire); }
void install(FlightRecorder* recorder) { the_recorder.store(recorder, std::memory_order_release); }

}  // namespace troupe::trace
