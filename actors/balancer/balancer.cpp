#include "actors/balancer/balancer.hpp"

#include <utility>

#include "runtime/base/rare.hpp"

namespace troupe {

BalancerActor::behavior_type Balancer::make_behavior() {
  policy_ = options_.make_policy();
  delayed_send(BalancerActor{this}, options_.interval, BalancerTick{});
  return {
      [this](const BalancerTick&) { tick(); },
      [this](const BalancerActive& command) { on(command); },
  };
}

void Balancer::on_exit() {
  policy_.reset();
  options_ = {};
}

void Balancer::tick() {
  delayed_send(BalancerActor{this}, options_.interval, BalancerTick{});
  if (!options_.active) return;
  // A router that is gone or too busy is asked again with the next tick.
  request(options_.router, options_.interval, QueryLoad{})
      .then([this](const LoadSnapshot& load) { on(load); }, [](caf::error&) {});
}

void Balancer::on(const LoadSnapshot& load) {
  if (!options_.active) return;
  policies::RoleSnapshot snapshot;
  snapshot.now = now().time_since_epoch();
  for (const auto& machine : load.machines)
    snapshot.machines.push_back({machine.view.id, machine.home, machine.view.role, now() - machine.role_since,
                                 machine.view.pending_prompt_tokens, machine.view.running, machine.view.pending_tokens,
                                 machine.view.awaited_prompt_tokens, machine.view.kv_positions, machine.view.kv_free,
                                 machine.draining});
  for (auto& change : policy_->decide(snapshot)) {
    for (const auto& machine : load.machines) {
      if (machine.view.id != change.machine) continue;
      rare(Rare::kRoleLent, change.role != machine.home);
      rare(Rare::kRoleReturned, change.role == machine.home);
      ChangeMachines command;
      command.name = machine.name;
      command.machine = change.machine;
      command.role = change.role;
      command.keeps_home = true;
      command.why = change.reason;
      command.with = [tell = options_.tell, name = machine.name, role = policies::to_string(change.role),
                      why = change.reason](const Result<std::int32_t>& told) {
        tell(name, role, told.ok() ? why : told.error().message);
      };
      send(options_.orders, std::move(command));
    }
  }
}

void Balancer::on(const BalancerActive& command) {
  if (std::exchange(options_.active, command.active) != command.active) policy_ = options_.make_policy();
}

}  // namespace troupe
