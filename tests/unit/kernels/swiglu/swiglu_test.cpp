#include "kernels/swiglu/swiglu.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "runtime/base/random.hpp"

namespace troupe::kernels {
namespace {

const CpuIsa kIsas[] = {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512};

std::vector<float> random_floats(std::size_t count, std::uint64_t seed, double scale) {
  RandomStream random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>((random.unit() - 0.5) * scale);
  return values;
}

std::vector<float> run(CpuIsa isa, const std::vector<float>& gate_up, std::int64_t rows, std::int64_t width) {
  std::vector<float> out(static_cast<std::size_t>(rows * width) + 1, 77.0f);
  swiglu(isa, gate_up.data(), out.data(), rows, width);
  EXPECT_EQ(out.back(), 77.0f) << "wrote past the end";
  out.pop_back();
  return out;
}

TEST(Swiglu, GivesTheSameBitsOnEveryIsa) {
  for (const std::int64_t width : {1, 3, 15, 16, 17, 31, 32, 47, 64, 100, 1536}) {
    for (const double scale : {1.0, 20.0, 300.0}) {
      const auto gate_up = random_floats(static_cast<std::size_t>(3 * 2 * width), 1, scale);
      const auto expected = run(CpuIsa::kReference, gate_up, 3, width);
      for (const CpuIsa isa : kIsas) {
        if (!supports(isa)) continue;
        const auto out = run(isa, gate_up, 3, width);
        for (std::size_t i = 0; i < out.size(); ++i)
          ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected[i]))
              << to_string(isa) << " width " << width << " at " << i << " gate " << gate_up[i];
      }
    }
  }
}

TEST(Swiglu, AgreesWithItsFormulaInDouble) {
  const std::int64_t width = 999;
  const auto gate_up = random_floats(2 * 999, 2, 30.0);
  const auto out = run(best_cpu_isa(), gate_up, 1, width);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double gate = static_cast<double>(gate_up[i]);
    const double exact = gate / (1 + std::exp(-gate)) * static_cast<double>(gate_up[i + 999]);
    EXPECT_NEAR(static_cast<double>(out[i]), exact, 5e-7 * std::abs(exact)) << "gate " << gate;
  }
}

TEST(Swiglu, PassesALargeGateAndClosesAVeryNegativeOne) {
  for (const CpuIsa isa : kIsas) {
    if (!supports(isa)) continue;
    const auto out = run(isa, {1e30f, 200.0f, -200.0f, -3e38f, 0.0f, 0.5f, 2.0f, 3.0f, 3.0f, 5.0f}, 1, 5);
    EXPECT_EQ(out[0], 1e30f * 0.5f) << to_string(isa);
    EXPECT_EQ(out[1], 400.0f);
    EXPECT_EQ(out[2], 0.0f);
    EXPECT_EQ(out[3], 0.0f);
    EXPECT_EQ(out[4], 0.0f);
  }
}

TEST(Swiglu, TakesTheFirstHalfOfEachRowAsItsGate) {
  // silu(0) = 0: where the gate's half is zero the output is, whatever the other half holds.
  const std::vector<float> gate_up{0, 0, 5, 5, 9, 9, 0, 0};
  const auto out = run(best_cpu_isa(), gate_up, 2, 2);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 0, 0}));
  const auto open = run(best_cpu_isa(), {9, 9, 1, 2}, 1, 2);
  EXPECT_GT(open[0], 8.9f);
  EXPECT_GT(open[1], 17.9f);
}

}  // namespace
}  // namespace troupe::kernels
