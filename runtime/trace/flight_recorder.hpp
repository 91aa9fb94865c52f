// The last messages of a node, in memory.
//
// Owns: a ring of records and a bounded store of notes. Promises: recording never waits and never allocates (a note
// does); what is older than the ring is overwritten and counted; reading is possible at any time from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/trace/message_types.hpp"

namespace troupe::trace {

enum class EventKind : std::uint8_t { kSent, kHandled };

/// A message sent, or a message handled. Both name the element that carried it, by which the two are joined.
struct Event {
  std::uint64_t number = 0;  ///< place in the order of recording, from 1
  EventKind kind = EventKind::kSent;
  std::int64_t time_ns = 0;       ///< of the actors' clock: sent, or handling began
  std::uint32_t handling_ns = 0;  ///< kHandled: how long; at most 4.29 s
  RequestId request;              ///< 0: about none, or about several
  std::uint32_t from = 0;         ///< actor ids; 0: no actor
  std::uint32_t to = 0;
  std::uint64_t element = 0;
  std::uint64_t cause = 0;  ///< kSent: the element in whose handling it was sent; 0: none
  const char* actor = "";   ///< kHandled: name of the receiving actor
  const MessageType* type = nullptr;
};

struct Note {
  std::uint64_t element = 0;
  std::int64_t time_ns = 0;  ///< when its message was handled
  std::string text;
};

class FlightRecorder {
 public:
  /// Keeps the last `records` events (rounded up to a power of two) of 64 bytes each, and as many notes as a sixteenth
  /// of that.
  explicit FlightRecorder(std::size_t records);
  ~FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  /// Records; `number` of the event is given here. Returns it.
  std::uint64_t record(const Event& event);
  void note(Note note);

  /// The events that are still there, in order; those being written at this moment are left out.
  std::vector<Event> events() const;
  std::vector<Note> notes() const;
  /// How many events were overwritten.
  std::uint64_t dropped() const;

 private:
  struct alignas(64) Slot {
    std::array<std::atomic<std::uint64_t>, 8> words{};
  };

  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  std::atomic<std::uint64_t> last_{0};
  std::size_t max_notes_;
  mutable std::mutex notes_mutex_;
  std::deque<Note> notes_;
};

/// The node's recorder, to which the actors' mix-in reports; null: nothing is recorded. Set it before the first actor
/// is spawned and clear it after the last has ended.
FlightRecorder* installed();
void install(FlightRecorder* recorder);

}  // namespace troupe::trace
