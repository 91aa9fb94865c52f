// The engine that plays Splitwise's own simulator (actors/splitwise_sim).
#pragma once

#include <string_view>

#include "tools/simulate/plan.hpp"

namespace troupe::simulate {

/// The name under which a plan asks for it.
inline constexpr std::string_view kSplitwiseSim = "splitwise_sim";

/// Step times come from the profile, decodes priced as published unless the plan names the performance model
/// "profile". It takes no settings and no seed: nothing in it is drawn.
Result<simulation::SimulationOutcome> run_splitwise_sim(const SimulationPlan& plan, const ShowProgress& show);

}  // namespace troupe::simulate
