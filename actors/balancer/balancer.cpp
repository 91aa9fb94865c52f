#include "actors/balancer/balancer.hpp"

#include <utility>

#include <caf/send.hpp>

#include "actors/balancer/role_policy_host.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

BalancerActor::behavior_type Balancer::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    if (policy_ && down.source == policy_) end_policy();
  });
  delayed_send(BalancerActor{this}, options_.interval, BalancerTick{});
  return {
      [this](const BalancerTick&) { tick(); },
      [this](const BalancerActive& command) { on(command); },
  };
}

void Balancer::on_exit() {
  end_policy();
  options_ = {};
}

void Balancer::tick() {
  delayed_send(BalancerActor{this}, options_.interval, BalancerTick{});
  if (!options_.active) return;
  if (!policy_) start_policy();
  if (!policy_) return;
  // A router that is gone or too busy is asked again with the next tick.
  request(options_.router, options_.interval, QueryLoad{})
      .then(
          [this, ended = policies_ended_](const LoadSnapshot& load) {
            if (ended == policies_ended_) ask_policy(load);
          },
          [](caf::error&) {});
}

void Balancer::on(const BalancerActive& command) {
  if (std::exchange(options_.active, command.active) != command.active) end_policy();
}

void Balancer::start_policy() {
  std::shared_ptr<policies::RolePolicy> policy = options_.make_policy();
  if (!policy) return;
  policy_ = spawn<RolePolicyHost>(std::move(policy));
  monitor(policy_);
}

void Balancer::end_policy() {
  if (!policy_) return;
  ++policies_ended_;
  caf::anon_send_exit(policy_, caf::exit_reason::user_shutdown);
  policy_ = nullptr;
}

void Balancer::ask_policy(const LoadSnapshot& load) {
  policies::RoleSnapshot snapshot;
  snapshot.now = now().time_since_epoch();
  for (const auto& machine : load.machines)
    snapshot.machines.push_back({machine.view.id, machine.home, machine.view.role, now() - machine.role_since,
                                 machine.view.pending_prompt_tokens, machine.view.running, machine.view.pending_tokens,
                                 machine.view.awaited_prompt_tokens, machine.view.kv_positions, machine.view.kv_free,
                                 machine.draining});
  // One that is so slow is asked again with the next tick.
  request(policy_, options_.interval, DecideRoles{std::move(snapshot)})
      .then(
          [this, load, ended = policies_ended_](const RolesDecided& decided) {
            if (ended == policies_ended_) order(decided.changes, load);
          },
          [](caf::error&) {});
}

void Balancer::order(const std::vector<policies::RoleChange>& changes, const LoadSnapshot& load) {
  for (const auto& change : changes) {
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

}  // namespace troupe
