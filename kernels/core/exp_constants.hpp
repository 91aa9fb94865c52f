// The numbers of our exponential, shared by the scalar definition and the vectors.
#pragma once

#include <bit>
#include <cstdint>

namespace troupe::kernels::exp_constants {

inline constexpr float kLowest = -104.0f;  ///< e^-104 is below half the smallest subnormal: 0 after rounding
inline constexpr float kHighest = 89.0f;   ///< e^89 is above the largest float32: infinity after rounding
inline constexpr float kLog2E = 0x1.715476p+0f;
/// ln 2 in two parts (Cody and Waite): n times the high part, 9 bits long, is exact.
inline constexpr float kMinusLn2High = -0x1.63p-1f;
inline constexpr float kMinusLn2Low = 0x1.bd0106p-13f;
/// 1.5 * 2^23: adding it rounds to the nearest integer and leaves that integer in the low bits.
inline constexpr float kShift = 12582912.0f;
inline constexpr std::int32_t kShiftBits = std::bit_cast<std::int32_t>(kShift);
/// e^r on |r| <= ln 2 / 2, highest power first; the last two are exact, the others a minimax fit (Lawson) of the
/// relative error, 3e-9.
inline constexpr int kTerms = 7;
inline constexpr float kPolynomial[kTerms] = {
    0x1.6a23dp-10f, 0x1.123a2p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f, 1.0f, 1.0f};

}  // namespace troupe::kernels::exp_constants
