// Functions that run later, on the actors' clock: how what is modelled (a link, a device) spends virtual time.
#pragma once

#include <chrono>
#include <functional>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "runtime/exec/actor.hpp"

namespace troupe::exec {

/// Command: call this.
struct RunLater {
  std::function<void()> what;
};

using LaterActor = caf::typed_actor<caf::reacts_to<RunLater>>;

class Later final : public Actor<LaterActor::base> {
 public:
  using Actor::Actor;
  const char* name() const override { return "later"; }

 protected:
  LaterActor::behavior_type make_behavior() override {
    return {[](const RunLater& run) { run.what(); }};
  }
};

/// Has `later` call a function after some time; in the order of asking for equal times. What is asked of one that has
/// ended is forgotten.
using RunAfter = std::function<void(std::chrono::nanoseconds, std::function<void()>)>;
RunAfter run_after(const LaterActor& later);

}  // namespace troupe::exec

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::exec::RunLater)
