// Sixteen float32 lanes in two AVX2 registers. Only for files compiled with AVX2, FMA and F16C (`*_avx2.cpp`); the same
// names as vec16_avx512.hpp in another namespace, so that one `.inl` body serves both. Same operations, same bits.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/exp_constants.hpp"
#include "kernels/core/inline.hpp"

namespace troupe::kernels::avx2 {

/// A set of lanes: all bits set in a lane that belongs to it.
struct Mask16 {
  __m256 low, high;
};

struct Vec16 {
  __m256 low, high;

  static TROUPE_INLINE Vec16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static TROUPE_INLINE Vec16 splat(float value) {
    const __m256 all = _mm256_set1_ps(value);
    return {all, all};
  }
  static TROUPE_INLINE Vec16 load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static TROUPE_INLINE Vec16 load_first(const float* from, int lanes);

  /// 16 numbers stored as `type`, any alignment, widened exactly.
  template <DType type>
  static TROUPE_INLINE Vec16 load_as(const void* from) {
    if constexpr (type == DType::kF32) return load(static_cast<const float*>(from));
    const __m128i* halves = static_cast<const __m128i*>(from);
    const __m128i a = _mm_loadu_si128(halves);
    const __m128i b = _mm_loadu_si128(halves + 1);
    if constexpr (type == DType::kF16) return {_mm256_cvtph_ps(a), _mm256_cvtph_ps(b)};
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(b), 16))};
  }
  /// The first `lanes` (1..16) of them; the other lanes are zero and their memory is not touched.
  template <DType type>
  static TROUPE_INLINE Vec16 load_first_as(const void* from, int lanes) {
    alignas(32) std::uint8_t whole[16 * bytes_of(type)] = {};
    __builtin_memcpy(whole, from, static_cast<unsigned>(lanes) * bytes_of(type));
    return load_as<type>(whole);
  }

  TROUPE_INLINE void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }
  TROUPE_INLINE void store_first(float* to, int lanes) const {
    alignas(32) float whole[16];
    store(whole);
    __builtin_memcpy(to, whole, static_cast<unsigned>(lanes) * sizeof(float));
  }
};

TROUPE_INLINE Vec16 Vec16::load_first(const float* from, int lanes) { return load_first_as<DType::kF32>(from, lanes); }

TROUPE_INLINE Vec16 operator+(Vec16 a, Vec16 b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
TROUPE_INLINE Vec16 operator-(Vec16 a, Vec16 b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
TROUPE_INLINE Vec16 operator*(Vec16 a, Vec16 b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
TROUPE_INLINE Vec16 operator/(Vec16 a, Vec16 b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
/// a * b + c, rounded once.
TROUPE_INLINE Vec16 fma(Vec16 a, Vec16 b, Vec16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
/// a > b ? a : b; b where either is NaN.
TROUPE_INLINE Vec16 max(Vec16 a, Vec16 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
/// a < b ? a : b; b where either is NaN.
TROUPE_INLINE Vec16 min(Vec16 a, Vec16 b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }

/// Lanes [first, last).
TROUPE_INLINE Mask16 lanes(int first, int last) {
  const __m256i iota = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i before = _mm256_set1_epi32(first - 1);
  const __m256i end = _mm256_set1_epi32(last);
  const __m256i upper = _mm256_add_epi32(iota, _mm256_set1_epi32(8));
  return {_mm256_castsi256_ps(_mm256_and_si256(_mm256_cmpgt_epi32(iota, before), _mm256_cmpgt_epi32(end, iota))),
          _mm256_castsi256_ps(_mm256_and_si256(_mm256_cmpgt_epi32(upper, before), _mm256_cmpgt_epi32(end, upper)))};
}
TROUPE_INLINE Mask16 less(Vec16 a, Vec16 b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
/// yes where the mask has the lane, else no.
TROUPE_INLINE Vec16 select(Mask16 mask, Vec16 yes, Vec16 no) {
  return {_mm256_blendv_ps(no.low, yes.low, mask.low), _mm256_blendv_ps(no.high, yes.high, mask.high)};
}
/// Bit i is lane i.
TROUPE_INLINE std::uint32_t bits_of(Mask16 mask) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(mask.low)) |
         (static_cast<std::uint32_t>(_mm256_movemask_ps(mask.high)) << 8);
}

/// ((8 + 8) -> (4 + 4) -> (2 + 2) -> (1 + 1)): lane i takes lane i + 8, then i + 4, i + 2, i + 1.
TROUPE_INLINE float sum(Vec16 a) {
  const __m256 eight = _mm256_add_ps(a.low, a.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
/// The largest lane, by the same tree.
TROUPE_INLINE float maximum(Vec16 a) {
  const __m256 eight = _mm256_max_ps(a.low, a.high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

TROUPE_INLINE __m256 scale_half_by_power(__m256 value, __m256 shifted) {
  const __m256i n = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(exp_constants::kShiftBits));
  const __m256i low = _mm256_srai_epi32(n, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i a = _mm256_slli_epi32(_mm256_add_epi32(low, bias), 23);
  const __m256i b = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(n, low), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(value, _mm256_castsi256_ps(a)), _mm256_castsi256_ps(b));
}
/// value * 2^n in two steps, so that subnormal results are rounded once; n is the integer in the low bits of `shifted`.
TROUPE_INLINE Vec16 scale_by_power(Vec16 value, Vec16 shifted) {
  return {scale_half_by_power(value.low, shifted.low), scale_half_by_power(value.high, shifted.high)};
}

#include "kernels/core/vec16_exp.inl"

}  // namespace troupe::kernels::avx2
