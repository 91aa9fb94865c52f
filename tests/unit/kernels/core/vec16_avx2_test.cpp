#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/scalar.hpp"
#include "tests/unit/kernels/core/numbers.hpp"

// The probe alone may use the set: everything else runs on any host.
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#include "kernels/core/vec16_avx2.hpp"

namespace troupe::kernels::avx2 {
namespace {

#include "tests/unit/kernels/core/vec16_probe.inl"
#pragma GCC pop_options

constexpr CpuIsa kIsa = CpuIsa::kAvx2;
#define SUITE Vec16Avx2
#include "tests/unit/kernels/core/vec16_cases.inl"

}  // namespace
}  // namespace troupe::kernels::avx2
