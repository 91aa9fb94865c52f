// The passes as defined: the oracle for the vector code.
#include <cmath>
#include <limits>

#include "kernels/core/scalar.hpp"
#include "kernels/sampling/passes.hpp"

namespace troupe::kernels::sampling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Scan scan(const float* x, std::int64_t n) {
  Scan result{-kInfinity, 0, false};
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(x[i] < kInfinity)) result.bad = true;
    if (x[i] > result.max) {
      result.max = x[i];
      result.index = i;
    }
  }
  if (result.max == -kInfinity) result.bad = true;
  return result;
}

void exponentials(const float* x, float* out, std::int64_t n, float max, float inverse_temperature) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = exp_f32((x[i] - max) * inverse_temperature);
}

float sum_exponentials(const float* x, std::int64_t n, float max) {
  float lanes[16] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i % 16] += exp_f32(x[i] - max);
  return sum16(lanes);
}

float sum_above(const float* x, std::int64_t n, float bound) {
  float lanes[16] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i % 16] += x[i] > bound ? x[i] : 0.0f;
  return sum16(lanes);
}

std::int64_t count_above(const float* x, std::int64_t n, float bound) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) count += x[i] > bound ? 1 : 0;
  return count;
}

std::int64_t next_above(const float* x, std::int64_t from, std::int64_t n, float bound) {
  while (from < n && !(x[from] > bound)) ++from;
  return from;
}

std::int64_t collect_above(const float* x, std::int64_t n, float bound, std::int32_t* ids) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i)
    if (x[i] > bound) ids[count++] = static_cast<std::int32_t>(i);
  return count;
}

void drop_below(float* x, std::int64_t n, float bound) {
  for (std::int64_t i = 0; i < n; ++i)
    if (x[i] < bound) x[i] = 0;
}

}  // namespace

constexpr Passes kReferencePasses{scan,        exponentials, sum_exponentials, sum_above,
                                  count_above, next_above,   collect_above,    drop_below};

const Passes& passes_of(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kReference:
      break;
    case CpuIsa::kAvx2:
      return kAvx2Passes;
    case CpuIsa::kAvx512:
      return kAvx512Passes;
  }
  return kReferencePasses;
}

}  // namespace troupe::kernels::sampling
