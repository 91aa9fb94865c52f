// How much memory KV blocks get when the configuration says "auto".
#pragma once

#include <cstddef>

#include "runtime/base/result.hpp"
#include "runtime/config/serve_config.hpp"
#include "runtime/model/checkpoint.hpp"
#include "runtime/model/memory_plan.hpp"

namespace troupe {

struct KvDemand {
  std::size_t available_bytes = 0;  ///< before the weights are loaded
  std::size_t weight_bytes = 0;
  std::size_t block_bytes = 0;
  std::size_t most_useful_bytes = 0;  ///< what max_running sequences of the longest length would take
};

/// Half of what the weights leave, no more than could ever be used, and no less than 16 blocks.
std::size_t auto_kv_bytes(const KvDemand& demand);

/// The plan that `troupe serve` follows and `troupe check` prints. KV is kept in `kv_dtype`. kTooLarge where not one
/// block fits.
Result<model::MemoryPlan> plan_for(const model::Checkpoint& checkpoint, const config::ServeConfig& config,
                                   kernels::DType kv_dtype);

}  // namespace troupe
