// cos and sin of the rotation angles, in double and without libm, so that every host computes the same bits.
#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/core/check.hpp"
#include "kernels/rope/rope.hpp"

namespace troupe::kernels {
namespace {

struct SinCos {
  double sin, cos;
};

// Reduces to |r| <= pi/4 and a quadrant (Cody and Waite, 1980), then sums Taylor's series until its next term is below
// 1e-13.
SinCos sin_cos(double angle) {
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  // pi/2 in three parts. The first two have at most 28 bits, so that their products with a quadrant count below 2^25
  // are exact.
  constexpr double kHigh = 0x1.921fb54p+0;
  constexpr double kMiddle = 0x1.10b461p-30;
  constexpr double kLow = 0x1.a62633145c06ep-58;
  constexpr double kShift =
      0x1.8p52;  // adding it rounds to the nearest integer and leaves that integer in the low bits

  const double shifted = angle * kTwoOverPi + kShift;
  const double n = shifted - kShift;
  const double r = ((angle - n * kHigh) - n * kMiddle) - n * kLow;
  const double z = r * r;
  double sin = -1.0 / 1307674368000.0;
  for (const double divisor : {6227020800.0, -39916800.0, 362880.0, -5040.0, 120.0, -6.0})
    sin = sin * z + 1.0 / divisor;
  sin = r + r * z * sin;
  double cos = -1.0 / 87178291200.0;
  for (const double divisor : {479001600.0, -3628800.0, 40320.0, -720.0, 24.0, -2.0}) cos = cos * z + 1.0 / divisor;
  cos = 1.0 + z * cos;

  switch (std::bit_cast<std::uint64_t>(shifted) & 3u) {
    case 0:
      return {sin, cos};
    case 1:
      return {cos, -sin};
    case 2:
      return {-sin, -cos};
    default:
      return {-cos, sin};
  }
}

}  // namespace

void rope_angles(std::span<const std::int32_t> positions, std::span<const float> inverse_frequency, float scale,
                 float* cos, float* sin) {
  std::size_t at = 0;
  for (const std::int32_t position : positions) {
    KERNEL_CHECK(position >= 0 && position <= (1 << 24), position, 1 << 24);
    for (const float frequency : inverse_frequency) {
      const float angle = static_cast<float>(position) * frequency;
      const SinCos value = sin_cos(static_cast<double>(angle));
      cos[at] = static_cast<float>(value.cos) * scale;
      sin[at] = static_cast<float>(value.sin) * scale;
      ++at;
    }
  }
}

}  // namespace troupe::kernels
