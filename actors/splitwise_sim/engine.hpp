// Plays a scenario in the exact mode: spawns the cast on a virtual system, lets time run to its end, and hands over
// what the ledger wrote.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/splitwise_sim/machine_rules.hpp"
#include "actors/splitwise_sim/pools.hpp"
#include "runtime/base/result.hpp"
#include "runtime/perf/profile.hpp"
#include "runtime/simulation/outcome.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::splitwise_sim {

struct MachineSpec {
  std::string name;
  std::string hardware;
  Place home = Place::kMixed;
  MachineTraits traits;
  std::shared_ptr<const perf::ProfileModel> steps;
};

struct Scenario {
  std::vector<MachineSpec> machines;  ///< at least one; all of them mixed, or none and both other kinds there
  const workload::Load* load = nullptr;
};

/// kInvalidInput where the machines' roles do not fit together.
Result<simulation::SimulationOutcome> play(const Scenario& scenario,
                                           const std::function<void(std::size_t ended, std::size_t requests)>& show);

}  // namespace troupe::splitwise_sim
