// RMSNorm (Zhang and Sennrich, 2019): out[i] = x[i] * weight[i] / sqrt(mean(x^2) + epsilon).
#pragma once

#include <cstdint>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// `rows` vectors of `width` > 0 float32 each, `stride` >= width floats apart in x and in out alike (q/k norm works in
/// place on heads: stride = width = head_dim). weight: [width] float32. out may be x. Floats between width and stride
/// are not touched. Determinism: the sum of squares is one fused multiply-add chain in each of 16 lanes (lane = index
/// mod 16, ascending), then the tree 8+8, 4+4, 2+2, 1+1; out = (x * (1 / sqrt(mean + epsilon))) * weight, each
/// operation rounded. A row's bits depend on that row alone.
struct RmsNorm {
  const float* x = nullptr;
  const float* weight = nullptr;
  float* out = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;
  float epsilon = 0;
};
void rms_norm(CpuIsa isa, const RmsNorm& args);

}  // namespace troupe::kernels
