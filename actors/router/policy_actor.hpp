// The small actor around a routing policy.
// Owns: the policy's memory. Promises: each snapshot gets one decision, in order.
#pragma once

#include <memory>

#include "actors/messages/routing.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class RoutingPolicyHost final : public exec::Actor<RoutingPolicyActor::base> {
 public:
  RoutingPolicyHost(caf::actor_config& config, std::shared_ptr<policies::RoutingPolicy> policy)
      : Actor(config), policy_(std::move(policy)) {}
  const char* name() const override { return "policy"; }

 protected:
  RoutingPolicyActor::behavior_type make_behavior() override {
    return {[this](const DecideRoute& ask) {
      auto decision = std::make_shared<const policies::RoutingDecision>(policy_->decide(*ask.snapshot));
      send(ask.reply_to, RouteDecided{ask.snapshot->request, ask.snapshot->attempt, std::move(decision)});
    }};
  }

 private:
  std::shared_ptr<policies::RoutingPolicy> policy_;
};

}  // namespace troupe
