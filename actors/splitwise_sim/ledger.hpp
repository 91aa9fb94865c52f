// What happened, written down.
// Owns: nothing; it fills the outcome that its engine gave it. Promises: one row for each request that was served, sums
// for each machine, series for the cluster. Refuses: nothing.
#pragma once

#include <memory>
#include <vector>

#include "actors/splitwise_sim/messages.hpp"
#include "runtime/exec/actor.hpp"
#include "runtime/simulation/outcome.hpp"

namespace troupe::splitwise_sim {

/// The outcome, with what is only needed while it grows.
struct Account {
  simulation::SimulationOutcome outcome;   ///< requests and machines are there from the beginning, with their names
  std::vector<std::int64_t> weight_bytes;  ///< of each machine
  std::size_t ended = 0;                   ///< requests
};

class Ledger final : public exec::Actor<LedgerActor::base> {
 public:
  Ledger(caf::actor_config& config, std::shared_ptr<Account> account);
  const char* name() const override { return "ledger"; }

 protected:
  LedgerActor::behavior_type make_behavior() override;

 private:
  void on(const PromptRan& ran);
  void on(const RequestServed& served);
  void on(const MachineHistory& history);
  void on(const PoolsChanged& changed);
  void passed(double at);

  std::shared_ptr<Account> account_;
  std::vector<double> drawn_in_since_;  // of each machine; negative: at home
};

}  // namespace troupe::splitwise_sim
