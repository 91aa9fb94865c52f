// The engine of `troupe simulate` that runs the production actors.
#pragma once

#include "tools/simulate/plan.hpp"

namespace troupe::simulate {

/// Runs the plan's load on its machines under its routing policy (any of policies::routing_policy_names()).
/// kInvalidInput for a model that leaves a machine no KV memory, a performance model without figures for a machine, or
/// a setting that is none:
///   scheduling.max_waiting, .max_batch_tokens, .prompt_tokens_beside_decodes, .max_running   as in a cluster's file
///   scheduling.prompt_batching, .token_batching, .admission   the same
///   slo.ttft_ms, .ttft_slowdown, .tbt_ms, splitwise.overflow_prompt_tokens, .kv_reserve_percent   what policies are
///   told link.layer_groups      in how many groups of layers KV travels (6) network.latency_us     one way (10)
///   outputs.told           the most tokens that the cluster is told of each request, whose text then ends by itself;
///                          0: it is told the length (0)
Result<simulation::SimulationOutcome> production_engine(const SimulationPlan& plan, const ShowProgress& show);

}  // namespace troupe::simulate
