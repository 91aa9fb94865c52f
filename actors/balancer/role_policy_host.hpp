// The small actor around a role policy.
// Owns: the policy's memory. Promises: each snapshot gets one answer, in order.
#pragma once

#include <memory>
#include <utility>

#include "actors/messages/balancing.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class RolePolicyHost final : public exec::Actor<RolePolicyActor::base> {
 public:
  RolePolicyHost(caf::actor_config& config, std::shared_ptr<policies::RolePolicy> policy)
      : Actor(config), policy_(std::move(policy)) {}
  const char* name() const override { return "role_policy"; }

 protected:
  RolePolicyActor::behavior_type make_behavior() override {
    return {[this](const DecideRoles& ask) { return RolesDecided{policy_->decide(ask.snapshot)}; }};
  }

 private:
  std::shared_ptr<policies::RolePolicy> policy_;
};

}  // namespace troupe
