// The engine of `troupe simulate` that runs the production actors.
#pragma once

#include "tools/simulate/plan.hpp"

namespace troupe::simulate {

/// Runs the plan's load on its machines under its routing policy (any of policies::routing_policy_names()), told what
/// plan.cluster and plan.settings say. A setting is a key of a cluster's file with its value as the file has it
/// (slo.ttft=500ms, roles.policy=by_load; those of scheduling, slo, splitwise and roles, link.layer_groups and
/// failure.heartbeat), or one that only a simulation has:
///   network.latency_us     one way, of KV (10)
///   outputs.told           the most tokens that the cluster is told of each request, whose text then ends by itself;
///                          0: it is told the length (0)
/// kInvalidInput for a setting that is none, a model that leaves a machine no KV memory, or a performance model without
/// figures for a machine.
Result<simulation::SimulationOutcome> production_engine(const SimulationPlan& plan, const ShowProgress& show);

}  // namespace troupe::simulate
