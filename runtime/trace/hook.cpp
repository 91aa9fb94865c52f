#include "runtime/trace/hook.hpp"

#include <algorithm>
#include <limits>

namespace troupe::trace {
namespace {

/// The element whose message this thread is handling: the cause of what is sent meanwhile. An element's address serves
/// until its event has a number, which is when its handling ends.
thread_local std::uint64_t handling = 0;

std::int64_t now_ns(const caf::actor_clock& clock) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock.now().time_since_epoch()).count();
}

std::uint64_t address_of(const caf::mailbox_element& element) { return reinterpret_cast<std::uintptr_t>(&element); }

std::uint32_t sender_of(const caf::mailbox_element& element) {
  return element.sender ? static_cast<std::uint32_t>(element.sender->id()) : 0;
}

}  // namespace

void record_sent(FlightRecorder& recorder, caf::actor_id to, const caf::mailbox_element& element,
                 const caf::actor_clock& clock) {
  const auto* const type = find_message_type(element.content());
  if (type == nullptr) return;
  Event event;
  event.kind = EventKind::kSent;
  event.time_ns = now_ns(clock);
  event.request = type->request_of(element.content().get(0));
  event.from = sender_of(element);
  event.to = static_cast<std::uint32_t>(to);
  event.element = address_of(element);
  event.cause = handling;
  event.type = type;
  recorder.record(event);
}

void ConsumeScope::begin(caf::actor_id actor, const char* name, const caf::mailbox_element& element,
                         const caf::actor_clock& clock) {
  event_.type = find_message_type(element.content());
  if (event_.type == nullptr) return;
  clock_ = &clock;
  event_.kind = EventKind::kHandled;
  event_.time_ns = now_ns(clock);
  const void* const message = element.content().get(0);
  event_.request = event_.type->request_of(message);
  event_.from = sender_of(element);
  event_.to = static_cast<std::uint32_t>(actor);
  event_.element = address_of(element);
  event_.actor = name;
  outer_ = std::exchange(handling, event_.element);
  // Before the handler, which may move the message's parts away.
  if (event_.type->note_of != nullptr) recorder_->note({event_.element, event_.time_ns, event_.type->note_of(message)});
}

void ConsumeScope::end() {
  if (event_.type == nullptr) return;
  handling = outer_;
  const std::int64_t took = now_ns(*clock_) - event_.time_ns;
  event_.handling_ns =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(took, 0, std::numeric_limits<std::uint32_t>::max() >> 1));
  recorder_->record(event_);
}

}  // namespace troupe::trace
