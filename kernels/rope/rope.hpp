// Rotary position embedding (Su et al., 2021) in the half-split form of the Llama checkpoints, with d = 2 half:
// out[i] = x[i] cos - x[i + d/2] sin, out[i + d/2] = x[i + d/2] cos + x[i] sin, where the angle is
// position * inverse_frequency[i].
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// cos and sin for each row: [positions.size()][inverse_frequency.size()] float32, multiplied by `scale` (yarn's
/// attention factor). The angle is rounded to float32 as the reference implementations do, then cos and sin are
/// computed in double by our own polynomials: the same bits on every host, and within half a unit in the last place of
/// float32 before `scale`, for angles up to 2^24. Positions in [0, 2^24]: checked, a bug otherwise. Scalings of the
/// frequencies (linear, llama3, yarn) are the caller's.
void rope_angles(std::span<const std::int32_t> positions, std::span<const float> inverse_frequency, float scale,
                 float* cos, float* sin);

/// Rotates in place `heads` heads of `head_dim` float32 in each row; rows lie `row_stride` >= heads * head_dim floats
/// apart. A head's dimensions past 2 * half are left alone (2 * half <= head_dim). Products and sums are rounded one by
/// one, without fused operations.
struct Rope {
  float* x = nullptr;
  std::int64_t rows = 0;
  std::int64_t row_stride = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t half = 0;
  const float* cos = nullptr;  ///< [rows][half]
  const float* sin = nullptr;  ///< [rows][half]
};
void rope(CpuIsa isa, const Rope& args);

}  // namespace troupe::kernels
