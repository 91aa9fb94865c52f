#include "tools/troupe/kv_budget.hpp"

#include <algorithm>
#include <limits>

#include "runtime/model/host_memory.hpp"

namespace troupe {
namespace {

constexpr std::size_t kLeastBlocks = 16;

}  // namespace

std::size_t auto_kv_bytes(const KvDemand& demand) {
  const std::size_t beside = demand.available_bytes - std::min(demand.available_bytes, demand.weight_bytes);
  return std::max(std::min(beside / 2, demand.most_useful_bytes), kLeastBlocks * demand.block_bytes);
}

Result<model::MemoryPlan> plan_for(const model::Checkpoint& checkpoint, const config::ServeConfig& config,
                                   kernels::DType kv_dtype) {
  std::size_t budget = config.device.kv_memory;
  if (budget == 0) {
    // The parts of a plan that do not depend on the budget.
    TRY(parts, model::plan_memory(checkpoint, kv_dtype, std::numeric_limits<std::size_t>::max()));
    const std::size_t available = model::available_memory_bytes();
    if (available == 0) {
      return Error{ErrorCode::kConfig,
                   "How much memory this host has free cannot be told. Set device.kv_memory, as --kv-memory 2GiB."};
    }
    const std::size_t longest = (static_cast<std::size_t>(parts.max_positions) + 15) / 16 * parts.block_bytes;
    const std::size_t sequences = config.scheduling.max_running;
    const std::size_t most = longest > std::numeric_limits<std::size_t>::max() / sequences
                                 ? std::numeric_limits<std::size_t>::max()
                                 : longest * sequences;
    budget = auto_kv_bytes({available, parts.weight_bytes, parts.block_bytes, most});
  }
  return model::plan_memory(checkpoint, kv_dtype, budget);
}

}  // namespace troupe
