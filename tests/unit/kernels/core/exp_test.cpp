#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/core/scalar.hpp"

namespace troupe::kernels {
namespace {

TEST(Exp, IsWithinOneUnitInTheLastPlaceOfTheTruth) {
  double worst = 0;
  for (std::uint32_t bits = 0; bits < 0xff800000u - 50000; bits += 40009) {
    const float x = std::bit_cast<float>(bits);
    const double truth = std::exp(static_cast<double>(x));
    if (std::isnan(x) || !(truth < 0x1p128) || static_cast<float>(truth) == 0) continue;
    const double unit = std::ldexp(1.0, std::max(std::ilogb(truth) - 23, -149));
    worst = std::max(worst, std::abs(exp_f32(x) - truth) / unit);
  }
  EXPECT_GT(worst, 0.3);  // the sweep reached rounded results
  EXPECT_LT(worst, 1.0);
}

TEST(Exp, IsExactWhereTheValueIs) {
  EXPECT_EQ(exp_f32(0.0f), 1.0f);
  EXPECT_EQ(exp_f32(-0.0f), 1.0f);
  EXPECT_EQ(exp_f32(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(exp_f32(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(exp_f32(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Exp, OverflowsAndUnderflowsWhereFloat32Does) {
  EXPECT_EQ(exp_f32(88.8f), std::numeric_limits<float>::infinity());
  EXPECT_LT(exp_f32(88.72f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(exp_f32(-104.0f), 0.0f);
  EXPECT_EQ(exp_f32(-103.9f), std::numeric_limits<float>::denorm_min());
}

TEST(Tree, SumsHalvesOntoHalves) {
  // Each pair of the tree cancels exactly; any other order would lose the small numbers.
  float lanes[16] = {};
  lanes[0] = 1e20f;
  lanes[8] = -1e20f;
  lanes[3] = 1.0f;
  lanes[7] = 2.0f;
  EXPECT_EQ(sum16(lanes), 3.0f);
  lanes[8] = 0;
  lanes[2] = -1e20f;
  EXPECT_EQ(sum16(lanes), 3.0f);
  lanes[2] = 0;
  lanes[1] = -1e20f;
  EXPECT_EQ(sum16(lanes), 0.0f);
}

TEST(Tree, FindsTheLargestLaneWhereverItIs) {
  for (int i = 0; i < 16; ++i) {
    float lanes[16];
    for (int j = 0; j < 16; ++j) lanes[j] = -static_cast<float>(j) - 1;
    lanes[i] = -0.5f;
    EXPECT_EQ(maximum16(lanes), -0.5f);
  }
}

}  // namespace
}  // namespace troupe::kernels
