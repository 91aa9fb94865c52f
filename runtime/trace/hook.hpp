// Where the actor mix-in meets the recorder: called at each send and around each receipt of a message. Without a
// recorder a hook is one load and a branch. A watcher sees what is handled as it is handled, for runs on one thread.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/mailbox_element.hpp>

#include "runtime/trace/flight_recorder.hpp"

namespace troupe::trace {

/// Sees each message that an actor is about to handle.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void handles(caf::actor_id actor, const char* name, const caf::mailbox_element& element,
                       const caf::actor_clock& clock) = 0;
};

/// Who watches; none outside simulations. Set while no actor runs, on the one thread that runs them.
inline constinit Watcher* watching = nullptr;

/// The sender's side, on the sender's thread. `to`: the receiving actor.
void record_sent(FlightRecorder& recorder, caf::actor_id to, const caf::mailbox_element& element,
                 const caf::actor_clock& clock);

/// `to`: the receiving actor. Without a recorder nothing is asked of it.
template <class Actor>
void on_enqueue(const Actor& to, const caf::mailbox_element& element) {
  if (auto* const recorder = installed()) record_sent(*recorder, to.id(), element, to.home_system().clock());
}

/// The receiver's side: lives while the message is handled. The element may be gone at the end.
class ConsumeScope {
 public:
  template <class Actor>
  ConsumeScope(const Actor& actor, const caf::mailbox_element& element) : recorder_(installed()) {
    if (recorder_ == nullptr && watching == nullptr) [[likely]]
      return;
    const auto& clock = actor.home_system().clock();
    if (recorder_ != nullptr) begin(actor.id(), actor.name(), element, clock);
    if (watching != nullptr) watching->handles(actor.id(), actor.name(), element, clock);
  }
  ~ConsumeScope() {
    if (recorder_ != nullptr) end();
  }
  ConsumeScope(const ConsumeScope&) = delete;
  ConsumeScope& operator=(const ConsumeScope&) = delete;

 private:
  void begin(caf::actor_id actor, const char* name, const caf::mailbox_element& element, const caf::actor_clock& clock);
  void end();

  FlightRecorder* recorder_;
  const caf::actor_clock* clock_ = nullptr;
  Event event_;
  std::uint64_t outer_ = 0;
};

}  // namespace troupe::trace
