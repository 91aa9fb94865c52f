#include "kernels/rope/rope.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "runtime/base/random.hpp"

namespace troupe::kernels {
namespace {

const CpuIsa kIsas[] = {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512};

std::vector<float> random_floats(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.unit() * 4 - 2);
  return values;
}

struct Shape {
  std::int64_t rows, heads, head_dim, half, row_stride;
};

// x with its rows at positions 5, 5 + 1000, 5 + 2000, ... rotated.
std::vector<float> rotated(CpuIsa isa, const Shape& shape, std::vector<float> x) {
  std::vector<std::int32_t> positions;
  for (std::int64_t row = 0; row < shape.rows; ++row) positions.push_back(static_cast<std::int32_t>(5 + 1000 * row));
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < shape.half; ++i)
    frequencies.push_back(std::pow(10000.0f, -static_cast<float>(i) / static_cast<float>(shape.half)));
  std::vector<float> cos(positions.size() * frequencies.size()), sin(cos.size());
  rope_angles(positions, frequencies, 1.0f, cos.data(), sin.data());
  rope(isa, {x.data(), shape.rows, shape.row_stride, shape.heads, shape.head_dim, shape.half, cos.data(), sin.data()});
  return x;
}

TEST(Rope, GivesTheSameBitsOnEveryIsa) {
  for (const Shape shape :
       {Shape{1, 1, 2, 1, 2}, Shape{3, 2, 6, 3, 12}, Shape{2, 3, 32, 16, 100}, Shape{2, 9, 64, 32, 576},
        Shape{2, 2, 80, 20, 163}, Shape{1, 4, 100, 47, 400}, Shape{2, 2, 128, 64, 256}, Shape{2, 1, 8, 0, 8}}) {
    const auto x = random_floats(static_cast<std::size_t>(shape.rows * shape.row_stride), 1);
    const auto expected = rotated(CpuIsa::kReference, shape, x);
    for (const CpuIsa isa : kIsas) {
      if (!supports(isa)) continue;
      const auto out = rotated(isa, shape, x);
      for (std::size_t i = 0; i < out.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected[i]))
            << to_string(isa) << " half " << shape.half << " at " << i;
    }
  }
}

TEST(Rope, RotatesEachPairByItsAngle) {
  std::vector<float> x{1, 2, 3, 4};
  const std::vector<float> cos{0.6f, 0.0f}, sin{0.8f, 1.0f};
  rope(CpuIsa::kReference, {x.data(), 1, 4, 1, 4, 2, cos.data(), sin.data()});
  EXPECT_FLOAT_EQ(x[0], 1 * 0.6f - 3 * 0.8f);
  EXPECT_FLOAT_EQ(x[1], -4);
  EXPECT_FLOAT_EQ(x[2], 3 * 0.6f + 1 * 0.8f);
  EXPECT_FLOAT_EQ(x[3], 2);
}

TEST(Rope, LeavesDimensionsPastTheRotaryOnesAndGapsBetweenRowsAlone) {
  const Shape shape{2, 2, 10, 3, 25};
  const auto x = random_floats(50, 2);
  for (const CpuIsa isa : kIsas) {
    if (!supports(isa)) continue;
    const auto out = rotated(isa, shape, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t column = i % 25;
      const bool rotary = column < 20 && column % 10 < 6;
      EXPECT_EQ(out[i] == x[i], !rotary) << to_string(isa) << " at " << i;
    }
  }
}

TEST(Rope, LeavesPositionZeroAsItIs) {
  const std::vector<std::int32_t> positions{0};
  const auto frequencies = random_floats(16, 3);
  std::vector<float> cos(16), sin(16);
  rope_angles(positions, frequencies, 1.0f, cos.data(), sin.data());
  EXPECT_EQ(cos, std::vector<float>(16, 1.0f));
  EXPECT_EQ(sin, std::vector<float>(16, 0.0f));
}

TEST(Rope, MakesAttentionDependOnTheDistanceOnly) {
  // (R_m q) . (R_n k) depends on m - n alone: the property RoPE is built for (Su et al., 2021, section 3.2).
  const auto q = random_floats(64, 4), k = random_floats(64, 5);
  const std::vector<float> frequencies{1.0f, 0.5f, 0.25f, 0.125f};
  const auto score = [&](std::int32_t m, std::int32_t n) {
    double total = 0;
    std::vector<float> a(q.begin(), q.begin() + 8), b(k.begin(), k.begin() + 8), cos(4), sin(4);
    for (const auto& [vector, position] : {std::pair{&a, m}, std::pair{&b, n}}) {
      rope_angles(std::vector<std::int32_t>{position}, frequencies, 1.0f, cos.data(), sin.data());
      rope(best_cpu_isa(), {vector->data(), 1, 8, 1, 8, 4, cos.data(), sin.data()});
    }
    for (std::size_t i = 0; i < 8; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return total;
  };
  EXPECT_NEAR(score(7, 3), score(5004, 5000), 1e-5);
  EXPECT_GT(std::abs(score(7, 3) - score(8, 3)), 1e-3);
}

TEST(RopeDeathTest, RefusesMoreRotaryDimensionsThanAHeadHas) {
  std::vector<float> x(8), angles(8);
  EXPECT_DEATH(rope(CpuIsa::kReference, {x.data(), 1, 8, 1, 8, 5, angles.data(), angles.data()}), "half");
}

}  // namespace
}  // namespace troupe::kernels
