// Where the actor mix-in meets the recorder: called at each send and each receipt of a message.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/mailbox_element.hpp>

namespace troupe::trace {

inline void on_enqueue(caf::actor_id, const caf::mailbox_element&, const caf::actor_clock&) {}

class ConsumeScope {
 public:
  ConsumeScope(caf::actor_id, const char*, const caf::mailbox_element&, const caf::actor_clock&) {}
};

}  // namespace troupe::trace
