// The small actor around the policies by which one machine plans its work.
// Owns: their memory. Promises: each snapshot gets one answer, in order. Refuses: a question for which the machine has
// no policy, as its planners decide that by themselves.
#pragma once

#include <utility>

#include "actors/messages/batching.hpp"
#include "actors/policies/machine_policies.hpp"
#include "runtime/base/check.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class BatchPolicyHost final : public exec::Actor<BatchPolicyActor::base> {
 public:
  BatchPolicyHost(caf::actor_config& config, policies::MachinePolicies policies)
      : Actor(config), policies_(std::move(policies)) {}
  const char* name() const override { return "batch_policy"; }

 protected:
  BatchPolicyActor::behavior_type make_behavior() override {
    return {
        [this](const PlanPrompts& ask) {
          CHECK(policies_.prompts);
          return PromptsPlanned{policies_.prompts->decide(ask.snapshot)};
        },
        [this](const PlanTokens& ask) {
          CHECK(policies_.tokens);
          return TokensPlanned{policies_.tokens->choose_batch(ask.snapshot)};
        },
        [this](const ChooseVictim& ask) {
          CHECK(policies_.tokens);
          return VictimChosen{policies_.tokens->choose_victim(ask.snapshot)};
        },
        [this](const PlanAdmission& ask) {
          CHECK(policies_.admission);
          return AdmissionPlanned{policies_.admission->decide(ask.snapshot)};
        },
    };
  }

 private:
  policies::MachinePolicies policies_;
};

}  // namespace troupe
