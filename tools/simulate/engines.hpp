// Which engine runs a plan, by its policy's name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/simulate/plan.hpp"

namespace troupe::simulate {

/// The machines and rules of Splitwise's own simulator (actors/splitwise_sim).
inline constexpr std::string_view kSplitwiseSim = "splitwise_sim";

/// The names that find_engine knows: the routing policies, which the production actors run under, and kSplitwiseSim.
std::vector<std::string> policy_names();

/// kInvalidInput with the names there are, and the nearest one.
Result<Engine> find_engine(std::string_view policy);

/// The engine of kSplitwiseSim. Step times come from the profile, decodes priced as published unless the plan names
/// the performance model "profile". It takes no settings and no seed: nothing in it is drawn.
Result<simulation::SimulationOutcome> run_splitwise_sim(const SimulationPlan& plan, const ShowProgress& show);

}  // namespace troupe::simulate
