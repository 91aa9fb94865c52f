// Changes what machines are for, as their load changes.
// Owns: when to look, and the role policy with its memory. Promises: while it is the active one, it asks the router
// what machines have to do once an interval and orders what the policy decides, with the
// reason; the home that an operator gave a machine stays. A balancer that becomes active begins without a memory: what
// it saw before another one acted is not what is.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/messages/balancing.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/messages/routing.hpp"
#include "actors/policies/role_policy.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

struct BalancerOptions {
  std::chrono::milliseconds interval{1000};  ///< between two looks
  bool active = true;                        ///< from the start
  std::function<std::unique_ptr<policies::RolePolicy>()> make_policy;
  RouterActor router;
  MachineOrdersActor orders;
  /// What was ordered, or why it could not be, for the log. Called inside the actor.
  std::function<void(const std::string& machine, const std::string& role, const std::string& why)> tell;
};

class Balancer final : public exec::Actor<BalancerActor::base> {
 public:
  Balancer(caf::actor_config& config, BalancerOptions options) : Actor(config), options_(std::move(options)) {}
  const char* name() const override { return "balancer"; }

 protected:
  BalancerActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  void tick();
  void on(const LoadSnapshot& load);
  void on(const BalancerActive& command);

  BalancerOptions options_;
  std::unique_ptr<policies::RolePolicy> policy_;
};

}  // namespace troupe
