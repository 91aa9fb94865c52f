// Embedding lookup: out[row] = table[token[row]], widened to float32.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/dtype.hpp"

namespace troupe::kernels {

/// A row-major table [vocab][hidden] as the checkpoint stores it, at any alignment; the memory is the caller's.
struct EmbeddingTable {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  std::int64_t vocab = 0;
  std::int64_t hidden = 0;
};

/// out: [tokens.size()][hidden] float32. Tokens must be in [0, vocab): checked, a bug otherwise. Exact: every bf16, f16
/// and f32 number is a float32.
void embedding(CpuIsa isa, const EmbeddingTable& table, std::span<const std::int32_t> tokens, float* out);

}  // namespace troupe::kernels
