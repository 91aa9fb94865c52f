// Rotary position embedding (Su et al., 2021) in the half-split form of the Llama checkpoints:
// out[i] = x[i] cos - x[i + d/2] sin, out[i + d/2] = x[i + d/2] cos + x[i] sin, angle = position * inverse_frequency[i].
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// cos and sin for each row: [positions.size()][inverse_frequency.size()] float32, multiplied by `scale` (yarn's attention factor).
/// The angle is rounded to float32 as the reference implementations do, then cos and sin are computed in double by our own
/// polynomials: the same bits on every host. Positions up to 2^24.
void rope_angles(std::span<const std::int32_t> positions, std::span<const float> inverse_frequency, float scale, float* cos,
                 float* sin);

/// Rotates in place `heads` heads of `head_dim` (even) float32 in each row; rows lie `row_stride` floats apart.
/// rotary_dim = 2 * half; dimensions past it are left alone (half <= head_dim / 2).
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
