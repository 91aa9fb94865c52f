#include "kernels/rms_norm/rms_norm.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "runtime/base/random.hpp"

namespace troupe::kernels {
namespace {

std::vector<CpuIsa> vector_isas() {
  std::vector<CpuIsa> isas;
  for (const CpuIsa isa : {CpuIsa::kAvx2, CpuIsa::kAvx512})
    if (supports(isa)) isas.push_back(isa);
  return isas;
}

std::vector<float> random_floats(std::size_t count, std::uint64_t seed, float scale = 4.0f) {
  RandomStream random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.unit() - 0.5) * scale;
  return values;
}

constexpr float kGuard = -12345.0f;

std::vector<float> run(CpuIsa isa, const std::vector<float>& x, const std::vector<float>& weight, std::int64_t rows,
                       std::int64_t stride, float epsilon = 1e-5f) {
  std::vector<float> out(x.size(), kGuard);
  rms_norm(isa, {x.data(), weight.data(), out.data(), rows, static_cast<std::int64_t>(weight.size()), stride, epsilon});
  return out;
}

const std::int64_t kWidths[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 128, 576, 1000, 4096};

TEST(RmsNorm, GivesTheSameBitsOnEveryIsa) {
  for (const std::int64_t width : kWidths) {
    for (const std::int64_t stride : {width, width + 5}) {
      const auto x = random_floats(static_cast<std::size_t>(3 * stride), 1 + static_cast<std::uint64_t>(width));
      const auto weight = random_floats(static_cast<std::size_t>(width), 2);
      const auto expected = run(CpuIsa::kReference, x, weight, 3, stride);
      for (const CpuIsa isa : vector_isas()) {
        const auto out = run(isa, x, weight, 3, stride);
        for (std::size_t i = 0; i < out.size(); ++i)
          ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected[i]))
              << to_string(isa) << " width " << width << " stride " << stride << " at " << i;
      }
    }
  }
}

TEST(RmsNorm, AgreesWithItsFormulaInDouble) {
  for (const std::int64_t width : kWidths) {
    const auto x = random_floats(static_cast<std::size_t>(width), 3);
    const auto weight = random_floats(static_cast<std::size_t>(width), 4);
    const auto out = run(CpuIsa::kReference, x, weight, 1, width);
    double squares = 0;
    for (const float value : x) squares += static_cast<double>(value) * static_cast<double>(value);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-5);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double exact = static_cast<double>(x[i]) * static_cast<double>(weight[i]) * scale;
      EXPECT_NEAR(static_cast<double>(out[i]), exact, 1e-6 * std::abs(exact) + 1e-30) << width << " at " << i;
    }
  }
}

TEST(RmsNorm, WritesOnlyTheWidthOfEachRow) {
  const auto x = random_floats(40, 5);
  const auto weight = random_floats(17, 6);
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512}) {
    if (!supports(isa)) continue;
    const auto out = run(isa, x, weight, 2, 20);
    for (const std::size_t gap : {17u, 18u, 19u, 37u, 38u, 39u}) EXPECT_EQ(out[gap], kGuard) << to_string(isa);
  }
}

TEST(RmsNorm, WorksInPlace) {
  const auto weight = random_floats(100, 8);
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512}) {
    if (!supports(isa)) continue;
    auto x = random_floats(200, 7);
    const auto expected = run(isa, x, weight, 2, 100);
    rms_norm(isa, {x.data(), weight.data(), x.data(), 2, 100, 100, 1e-5f});
    EXPECT_EQ(x, expected) << to_string(isa);
  }
}

TEST(RmsNorm, GivesARowTheSameBitsWhateverRowsStandBesideIt) {
  const auto x = random_floats(5 * 70, 9);
  const auto weight = random_floats(70, 10);
  const CpuIsa isa = best_cpu_isa();
  const auto together = run(isa, x, weight, 5, 70);
  for (std::size_t row = 0; row < 5; ++row) {
    const auto at = static_cast<std::ptrdiff_t>(row * 70);
    const std::vector<float> one(x.begin() + at, x.begin() + at + 70);
    const auto alone = run(isa, one, weight, 1, 70);
    EXPECT_EQ(alone, std::vector<float>(together.begin() + at, together.begin() + at + 70));
  }
}

TEST(RmsNorm, KeepsZerosZeroBecauseOfEpsilon) {
  const std::vector<float> zeros(33, 0.0f);
  const auto weight = random_floats(33, 11);
  for (const float value : run(best_cpu_isa(), zeros, weight, 1, 33, 1e-6f)) EXPECT_EQ(value, 0.0f);
}

TEST(RmsNormDeathTest, RefusesRowsThatOverlap) {
  const std::vector<float> x(40), weight(17);
  EXPECT_DEATH(run(CpuIsa::kReference, x, weight, 2, 16), "stride");
}

}  // namespace
}  // namespace troupe::kernels
