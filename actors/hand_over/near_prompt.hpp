// The prompt actor of one machine, to the other machines of its node. Keeps nothing but which machine it stands for;
// the hand-over actor does the work.
#pragma once

#include <utility>

#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class NearPrompt final : public exec::Actor<PromptActor::base> {
 public:
  NearPrompt(caf::actor_config& config, MachineId machine, HandOverActor hand_over)
      : Actor(config), machine_(machine), hand_over_(std::move(hand_over)) {}
  const char* name() const override { return "near_prompt"; }

 protected:
  PromptActor::behavior_type make_behavior() override {
    return {
        [this](RunPrompt& run) {
          send(hand_over_, RunPromptElsewhere{machine_, std::move(run)});
        },
        [this](const CancelPrompt& cancel) {
          send(hand_over_,
               CancelPromptElsewhere{machine_, cancel, caf::actor_cast<PromptClientActor>(current_sender())});
        },
        // The rest is between the prompt actor and its gpu actor.
        [](const StepFinished&) {},
        [](const LayersWritten&) {},
        [](const QueryWork&) { return WorkState{}; },
    };
  }
  void on_exit() override { hand_over_ = nullptr; }

 private:
  MachineId machine_;
  HandOverActor hand_over_;
};

}  // namespace troupe
