// What is to be simulated: a cluster of modelled machines, a load, and a policy. Made from the command line or from a
// configuration file; engines read it and answer with a simulation::SimulationOutcome.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/perf/hardware.hpp"
#include "runtime/simulation/outcome.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::simulate {

/// Most machines of a plan.
inline constexpr std::int32_t kMostMachines = 100'000;

/// Machines that are alike. Machines are numbered through in the order of the groups.
struct MachineGroup {
  policies::Role role = policies::Role::kMixed;
  perf::Hardware hardware;
  std::int32_t count = 1;  ///< at least 1
};

/// A setting beyond the plan's own fields: --set key=value.
using Setting = std::pair<std::string, std::string>;

struct SimulationPlan {
  std::vector<MachineGroup> machines;  ///< at least one
  perf::ModelShape model;
  std::int32_t tensor_parallel = 8;
  std::string policy;             ///< "splitwise_sim", or a routing policy's name
  std::string performance_model;  ///< a name of perf::performance_model_names(); empty: the engine's own choice
  std::uint64_t seed = 0;
  /// What a cluster's file says of scheduling, objectives, pools, roles, beats and KV's layer groups; the rest of it is
  /// not read. None: the defaults of such a file, with as long a queue as the machines want and no request's end.
  std::optional<config::ClusterConfig> cluster;
  std::vector<Setting> settings;  ///< over that
  workload::Load load;            ///< at least one request

  std::int32_t machine_count() const;
};

/// "prompt:h100-80gb*25,token:a100-80gb*26": role, hardware, and how many (1 where the count is left out).
/// kInvalidInput says what was wrong where, with the nearest word.
Result<std::vector<MachineGroup>> parse_machines(std::string_view text, const perf::Catalogue& catalogue);

/// "prompt:h100-80gb*25,token:a100-80gb*26"
std::string to_string(const std::vector<MachineGroup>& machines);

/// How far a run is, for a progress bar: requests that have ended, of all.
using ShowProgress = std::function<void(std::size_t ended, std::size_t requests)>;

/// An engine runs a plan to its end. kInvalidInput for a plan that it cannot run. `show` is called now and then, and
/// may be empty.
using Engine =
    std::function<Result<simulation::SimulationOutcome>(const SimulationPlan& plan, const ShowProgress& show)>;

}  // namespace troupe::simulate
