// Changes what machines are for, as their load changes.
// Owns: when to look, and the role policy's actor, which ends with it. Promises: while it is the active one, it asks
// the router what machines have to do once an interval, has the policy decide, and orders that, with the reason; the
// home that an operator gave a machine stays. A balancer that becomes active begins without a memory, with a policy
// actor of its own: what it saw before another one acted is not what is. Once it is not active it orders nothing,
// whatever was asked before. A policy actor that ends costs looks: another one, without a memory, begins with the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages/balancing.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/messages/routing.hpp"
#include "actors/policies/role_policy.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

struct BalancerOptions {
  std::chrono::milliseconds interval{1000};  ///< between two looks
  bool active = true;                        ///< from the start
  /// Called inside the actor. Null: none can be made now; asked again with the next look.
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
  void on(const BalancerActive& command);
  void start_policy();
  /// Answers to what was asked before count no more.
  void end_policy();
  void ask_policy(const LoadSnapshot& load);
  void order(const std::vector<policies::RoleChange>& changes, const LoadSnapshot& load);

  BalancerOptions options_;
  RolePolicyActor policy_;  // none: not active, or until the next look
  std::uint64_t policies_ended_ = 0;
};

}  // namespace troupe
