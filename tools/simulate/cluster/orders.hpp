// Carries out the balancer's orders in a simulated cluster, as the neighbours actors do among nodes: the router hears
// of the machine's new role, and the ledger notes it. What the machine has begun it ends.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "actors/messages/neighbours.hpp"
#include "actors/messages/routing.hpp"
#include "runtime/base/check.hpp"
#include "runtime/exec/actor.hpp"
#include "tools/simulate/cluster/ledger.hpp"

namespace troupe::simulate {

class Orders final : public exec::Actor<MachineOrdersActor::base> {
 public:
  /// `homes`: the roles that the machines were given, by their ids.
  Orders(caf::actor_config& config, RouterActor router, std::vector<policies::Role> homes,
         std::shared_ptr<Ledger> ledger)
      : Actor(config), router_(std::move(router)), homes_(std::move(homes)), ledger_(std::move(ledger)) {}
  const char* name() const override { return "orders"; }

 protected:
  MachineOrdersActor::behavior_type make_behavior() override {
    began_ = now();
    return {[this](const ChangeMachines& change) {
      CHECK(change.machine && change.role && change.keeps_home, change.name);
      const auto machine = change.machine->value;
      send(router_, MachineChanged{*change.machine, *change.role, false, homes_.at(machine)});
      ledger_->role_changed(machine, *change.role, change.why, std::chrono::duration<double>(now() - began_).count());
      change.with(1);
    }};
  }
  void on_exit() override { router_ = nullptr; }

 private:
  RouterActor router_;
  std::vector<policies::Role> homes_;
  std::shared_ptr<Ledger> ledger_;
  TimePoint began_;
};

}  // namespace troupe::simulate
