#include "kernels/core/scalar.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/core/exp_constants.hpp"

namespace troupe::kernels {
namespace {

float power_of_two(std::int32_t n) { return std::bit_cast<float>((static_cast<std::uint32_t>(n) + 127u) << 23); }

}  // namespace

float exp_f32(float x) {
  namespace c = exp_constants;
  const float capped = c::kHighest < x ? c::kHighest : x;
  const float bounded = c::kLowest > capped ? c::kLowest : capped;
  const float shifted = std::fma(bounded, c::kLog2E, c::kShift);
  const float n = shifted - c::kShift;
  const float r = std::fma(n, c::kMinusLn2Low, std::fma(n, c::kMinusLn2High, bounded));
  float p = c::kPolynomial[0];
  for (int i = 1; i < c::kTerms; ++i) p = std::fma(p, r, c::kPolynomial[i]);
  const auto power =
      static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) - static_cast<std::uint32_t>(c::kShiftBits));
  const std::int32_t low = power >> 1;
  return p * power_of_two(low) * power_of_two(power - low);
}

float sum16(const float* lanes) {
  float eight[8], four[4];
  for (int i = 0; i < 8; ++i) eight[i] = lanes[i] + lanes[i + 8];
  for (int i = 0; i < 4; ++i) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

float maximum16(const float* lanes) {
  const auto larger = [](float a, float b) { return a > b ? a : b; };
  float eight[8], four[4];
  for (int i = 0; i < 8; ++i) eight[i] = larger(lanes[i], lanes[i + 8]);
  for (int i = 0; i < 4; ++i) four[i] = larger(eight[i], eight[i + 4]);
  return larger(larger(four[0], four[2]), larger(four[1], four[3]));
}

}  // namespace troupe::kernels
