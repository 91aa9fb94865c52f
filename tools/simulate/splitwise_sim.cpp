#include <memory>

#include "actors/splitwise_sim/engine.hpp"
#include "runtime/perf/profile.hpp"
#include "tools/simulate/engines.hpp"

namespace troupe::simulate {
namespace {

splitwise_sim::Place place_of(policies::Role role) {
  switch (role) {
    case policies::Role::kPrompt:
      return splitwise_sim::Place::kPrompt;
    case policies::Role::kToken:
      return splitwise_sim::Place::kToken;
    case policies::Role::kMixed:
      return splitwise_sim::Place::kMixed;
  }
  return splitwise_sim::Place::kMixed;
}

Result<perf::DecodePricing> pricing_of(const SimulationPlan& plan) {
  if (plan.performance_model.empty() || plan.performance_model == "profile_as_published")
    return perf::DecodePricing::kAsPublished;
  if (plan.performance_model == "profile") return perf::DecodePricing::kByBatch;
  return Error{ErrorCode::kInvalidInput,
               "splitwise_sim takes its step times from the published profile; expected the "
               "performance model profile_as_published or profile, not \"" +
                   plan.performance_model + "\"."};
}

}  // namespace

Result<simulation::SimulationOutcome> run_splitwise_sim(const SimulationPlan& plan, const ShowProgress& show) {
  if (!plan.settings.empty())
    return Error{ErrorCode::kInvalidInput, "splitwise_sim has no settings: its rules are fixed. Leave out --set " +
                                               plan.settings.front().first + ", or choose another policy."};
  TRY(pricing, pricing_of(plan));
  splitwise_sim::Scenario scenario;
  scenario.load = &plan.load;
  for (const auto& group : plan.machines) {
    TRY(curves, perf::find_curves(perf::built_in_profile(), {group.hardware, plan.model, plan.tensor_parallel}));
    splitwise_sim::MachineSpec spec;
    spec.hardware = group.hardware.name;
    spec.home = place_of(group.role);
    spec.traits = {plan.model.weight_bytes, plan.tensor_parallel * group.hardware.memory_bytes,
                   plan.model.kv_bytes_per_token_of_all_heads()};
    spec.steps = std::make_shared<const perf::ProfileModel>(curves, pricing);
    for (std::int32_t i = 0; i < group.count; ++i) {
      spec.name = group.hardware.name + "_" + std::to_string(scenario.machines.size());
      scenario.machines.push_back(spec);
    }
  }
  return splitwise_sim::play(scenario, show);
}

}  // namespace troupe::simulate
