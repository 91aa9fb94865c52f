#include "kernels/core/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/core/check.hpp"
#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {
namespace {

/// The half nearest to `value` by search among all finite ones, ties to the even pattern.
std::uint16_t nearest_half(float value) {
  std::uint16_t best = 0;
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double distance = std::abs(static_cast<double>(f16_to_f32(static_cast<std::uint16_t>(bits))) - value);
    const double least = std::abs(static_cast<double>(f16_to_f32(best)) - value);
    if (distance < least || (distance == least && bits % 2 == 0)) best = static_cast<std::uint16_t>(bits);
  }
  return best;
}

TEST(Half, EveryPatternComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    else
      ASSERT_EQ(f32_to_f16(value), bits);
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (const float value : {0x1p-25f, 0x1.8p-25f, 0x1.000002p-25f, 1.00048828125f, 1.00146484375f, 0.1f, 3.14159f,
                            6.1e-5f, 5.9e-8f, 1e-9f, 65503.9f, 2049.0f, 2051.0f, 0x1.ffcp-15f, 0x1.ffep-15f})
    EXPECT_EQ(f32_to_f16(value), nearest_half(value)) << value;
}

TEST(Half, OverflowsToInfinityFromHalfwayOn) {
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xfc00);
}

TEST(Bfloat, EveryPatternComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bf16_to_f32(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value))));
    else
      ASSERT_EQ(f32_to_bf16(value), bits);
  }
}

TEST(Bfloat, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(f32_to_bf16(0x1.01p0f), 0x3f80);        // halfway between 1 and 1 + 2^-7
  EXPECT_EQ(f32_to_bf16(0x1.010002p0f), 0x3f81);    // a little above
  EXPECT_EQ(f32_to_bf16(0x1.03p0f), 0x3f82);        // halfway, the even one is above
  EXPECT_EQ(f32_to_bf16(0x1.fffffep127f), 0x7f80);  // past the largest
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(CpuIsa, NamesComeBack) {
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512})
    EXPECT_EQ(cpu_isa_from(to_string(isa)), isa);
  EXPECT_FALSE(cpu_isa_from("avx").has_value());
}

TEST(CpuIsa, TheBestIsSupported) {
  EXPECT_TRUE(supports(CpuIsa::kReference));
  EXPECT_TRUE(supports(best_cpu_isa()));
}

TEST(KernelCheckDeathTest, SaysWhereWhatAndTheValues) {
  EXPECT_DEATH(KERNEL_CHECK(1 > 2, 17, -4), "CHECK failed: 1 > 2 \\(17, -4\\)");
}

}  // namespace
}  // namespace troupe::kernels
