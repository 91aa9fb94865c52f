// Runs functions later, on the actors' clock: what a thread of the network or of a device would do.
#pragma once

#include <functional>

#include "runtime/exec/actor.hpp"

namespace troupe::hunt {

struct RunThis {
  std::function<void()> what;
};

using LaterActor = caf::typed_actor<caf::reacts_to<RunThis>>;

class Later final : public exec::Actor<LaterActor::base> {
 public:
  using Actor::Actor;
  const char* name() const override { return "later"; }
  LaterActor::behavior_type make_behavior() override {
    return {[](const RunThis& run) { run.what(); }};
  }
};

}  // namespace troupe::hunt

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::hunt::RunThis)
