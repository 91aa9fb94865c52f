// How a model's memory adds up before anything is loaded: weights, KV bytes a token, blocks, and how many sequences
// fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/core/dtype.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/checkpoint.hpp"

namespace troupe::model {

struct MemoryPlan {
  std::size_t weight_bytes = 0;  ///< the model's tensors, and a tied embedding twice: as a table and as the packed head
  std::size_t kv_bytes_per_token = 0;  ///< 2 x layers x kv_heads x head_dim x bytes
  std::size_t block_bytes = 0;         ///< 16 tokens' KV
  std::int64_t blocks = 0;             ///< how many fit the KV budget
  std::size_t kv_bytes = 0;            ///< what those take
  std::int64_t max_positions = 0;      ///< the longest sequence the model allows

  /// Tokens that fit in all blocks together.
  std::int64_t kv_tokens() const;
  /// How many sequences of `length` tokens (prompt and output together) fit at once.
  std::int64_t sequences_of(std::int64_t length) const;
};

/// What fits when KV may take `kv_budget_bytes`. kTooLarge where that is less than one block.
Result<MemoryPlan> plan_memory(const Checkpoint& checkpoint, kernels::DType kv_dtype, std::size_t kv_budget_bytes);

/// A few lines for people, each ending in a newline.
std::string describe(const MemoryPlan& plan);

/// "1.5 GiB", "220 MiB", "12 KiB", "96 bytes".
std::string written_bytes(std::size_t bytes);

}  // namespace troupe::model
