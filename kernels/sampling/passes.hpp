// The passes over a whole vocabulary, the only part of sampling that has vector code. All implementations give the same
// bits: float sums run in 16 lanes (lane = index mod 16 from the start of the run) and end in the tree 8+8, 4+4, 2+2,
// 1+1; all else is exact or elementwise.
#pragma once

#include <cstdint>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels::sampling {

/// Runs that are summed in float32; their sums are then added in double, in order.
inline constexpr std::int64_t kRun = 1024;

struct Scan {
  float max = 0;           ///< the largest; meaningful where !bad
  std::int64_t index = 0;  ///< its first place
  bool bad = false;        ///< a NaN or +infinity is there, or nothing finite
};

struct Passes {
  /// Over x[0..n).
  Scan (*scan)(const float* x, std::int64_t n);
  /// out[i] = exp((x[i] - max) * inverse_temperature); out may be x.
  void (*exponentials)(const float* x, float* out, std::int64_t n, float max, float inverse_temperature);
  /// The sum of exp(x[i] - max), n <= kRun.
  float (*sum_exponentials)(const float* x, std::int64_t n, float max);
  /// The sum of those x[i] that are above `bound`, x >= 0 and bound >= 0. Past kRun numbers its rounding adds up.
  float (*sum_above)(const float* x, std::int64_t n, float bound);
  /// How many x[i] > bound.
  std::int64_t (*count_above)(const float* x, std::int64_t n, float bound);
  /// The first i >= from with x[i] > bound, or n.
  std::int64_t (*next_above)(const float* x, std::int64_t from, std::int64_t n, float bound);
  /// Writes each i with x[i] > bound to ids[0..n), ascending; returns how many there are.
  std::int64_t (*collect_above)(const float* x, std::int64_t n, float bound, std::int32_t* ids);
  /// Zeroes what is below `bound`.
  void (*drop_below)(float* x, std::int64_t n, float bound);
};

const Passes& passes_of(CpuIsa isa);

extern const Passes kReferencePasses;
extern const Passes kAvx2Passes;
extern const Passes kAvx512Passes;

}  // namespace troupe::kernels::sampling
