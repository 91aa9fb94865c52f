// A piece of work that answers one exchange and is done: tokenizing, which takes too long for the gateway's own thread
// of thought.
#pragma once

#include <functional>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "runtime/exec/actor.hpp"

namespace troupe {

/// To itself: do what you were made for.
struct RunErrand {};
using ErrandActor = caf::typed_actor<caf::reacts_to<RunErrand>>;

class Errand final : public exec::Actor<ErrandActor::base> {
 public:
  Errand(caf::actor_config& config, std::function<void()> work) : Actor(config), work_(std::move(work)) {}
  const char* name() const override { return "errand"; }
  void on_exit() override { work_ = nullptr; }

 protected:
  ErrandActor::behavior_type make_behavior() override {
    return {[this](const RunErrand&) {
      work_();
      quit();
    }};
  }

 private:
  std::function<void()> work_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RunErrand)
