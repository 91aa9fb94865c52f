#include "runtime/model/memory_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace troupe::model {
namespace {

constexpr std::int64_t kBlockPositions = 16;  // the KV block that troupe::BlockId names

}  // namespace

std::int64_t MemoryPlan::kv_tokens() const { return blocks * kBlockPositions; }

std::int64_t MemoryPlan::sequences_of(std::int64_t length) const {
  const auto each = (std::max<std::int64_t>(length, 1) + kBlockPositions - 1) / kBlockPositions;
  return blocks / each;
}

Result<MemoryPlan> plan_memory(const Checkpoint& checkpoint, kernels::DType kv_dtype, std::size_t kv_budget_bytes) {
  const auto& config = checkpoint.config();
  MemoryPlan plan;
  plan.weight_bytes = checkpoint.tensor_bytes() + (checkpoint.tied() ? checkpoint.embedding().bytes.size() : 0);
  plan.kv_bytes_per_token = config.kv_bytes_per_token(kv_dtype);
  plan.block_bytes = plan.kv_bytes_per_token * static_cast<std::size_t>(kBlockPositions);
  plan.max_positions = config.max_positions();
  // Block ids are 32 bits wide.
  plan.blocks = static_cast<std::int64_t>(std::min<std::size_t>(kv_budget_bytes / plan.block_bytes, 0x7fffffff));
  plan.kv_bytes = static_cast<std::size_t>(plan.blocks) * plan.block_bytes;
  if (plan.blocks == 0)
    return Error{ErrorCode::kTooLarge, "The KV budget of " + written_bytes(kv_budget_bytes) +
                                           " is less than one block of " + written_bytes(plan.block_bytes) +
                                           ". Give KV more memory."};
  return plan;
}

std::string written_bytes(std::size_t bytes) {
  char text[64];
  const auto amount = static_cast<double>(bytes);
  if (bytes >= std::size_t{1} << 30)
    std::snprintf(text, sizeof text, "%.2f GiB", amount / 0x1p30);
  else if (bytes >= 1 << 20)
    std::snprintf(text, sizeof text, "%.1f MiB", amount / 0x1p20);
  else if (bytes >= 1 << 10)
    std::snprintf(text, sizeof text, "%.1f KiB", amount / 0x1p10);
  else
    std::snprintf(text, sizeof text, "%zu bytes", bytes);
  return text;
}

std::string describe(const MemoryPlan& plan) {
  std::string out = "weights            " + written_bytes(plan.weight_bytes) + "\n";
  out += "KV cache           " + written_bytes(plan.kv_bytes) + ": " + std::to_string(plan.blocks) +
         " blocks of 16 tokens, " + std::to_string(plan.kv_bytes_per_token) + " bytes a token\n";
  std::vector<std::int64_t> lengths;
  for (const std::int64_t length : {512, 2048, 8192, 32768})
    if (length < plan.max_positions) lengths.push_back(length);
  lengths.push_back(plan.max_positions);
  for (const auto length : lengths)
    out += "fits at once       " + std::to_string(plan.sequences_of(length)) + " sequences of " +
           std::to_string(length) + " tokens\n";
  return out;
}

}  // namespace troupe::model
