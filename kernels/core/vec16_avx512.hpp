// Sixteen float32 lanes in one AVX-512 register. Only for files compiled with AVX-512 (`*_avx512.cpp`); the same names
// as vec16_avx2.hpp in another namespace, so that one `.inl` body serves both. Same operations, same bits.
#pragma once

// gcc 12's own _mm512_undefined_ps() reads an uninitialised variable on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/exp_constants.hpp"
#include "kernels/core/inline.hpp"

namespace troupe::kernels::avx512 {

/// A set of lanes.
struct Mask16 {
  __mmask16 bits;
};

struct Vec16 {
  __m512 v;

  static TROUPE_INLINE Vec16 zero() { return {_mm512_setzero_ps()}; }
  static TROUPE_INLINE Vec16 splat(float value) { return {_mm512_set1_ps(value)}; }
  static TROUPE_INLINE Vec16 load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static TROUPE_INLINE Vec16 load_first(const float* from, int lanes);

  /// 16 numbers stored as `type`, any alignment, widened exactly.
  template <DType type>
  static TROUPE_INLINE Vec16 load_as(const void* from) {
    if constexpr (type == DType::kF32) return {_mm512_loadu_ps(from)};
    const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(from));
    if constexpr (type == DType::kF16) return {_mm512_cvtph_ps(half)};
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }
  /// The first `lanes` (1..16) of them; the other lanes are zero and their memory is not touched.
  template <DType type>
  static TROUPE_INLINE Vec16 load_first_as(const void* from, int lanes) {
    const auto mask = static_cast<__mmask16>((1u << lanes) - 1);
    if constexpr (type == DType::kF32) return {_mm512_maskz_loadu_ps(mask, from)};
    const __m256i half = _mm256_maskz_loadu_epi16(mask, from);
    if constexpr (type == DType::kF16) return {_mm512_cvtph_ps(half)};
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }

  TROUPE_INLINE void store(float* to) const { _mm512_storeu_ps(to, v); }
  TROUPE_INLINE void store_first(float* to, int lanes) const {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << lanes) - 1), v);
  }
};

TROUPE_INLINE Vec16 Vec16::load_first(const float* from, int lanes) { return load_first_as<DType::kF32>(from, lanes); }

TROUPE_INLINE Vec16 operator+(Vec16 a, Vec16 b) { return {_mm512_add_ps(a.v, b.v)}; }
TROUPE_INLINE Vec16 operator-(Vec16 a, Vec16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
TROUPE_INLINE Vec16 operator*(Vec16 a, Vec16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
TROUPE_INLINE Vec16 operator/(Vec16 a, Vec16 b) { return {_mm512_div_ps(a.v, b.v)}; }
/// a * b + c, rounded once.
TROUPE_INLINE Vec16 fma(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/// a > b ? a : b; b where either is NaN.
TROUPE_INLINE Vec16 max(Vec16 a, Vec16 b) { return {_mm512_max_ps(a.v, b.v)}; }
/// a < b ? a : b; b where either is NaN.
TROUPE_INLINE Vec16 min(Vec16 a, Vec16 b) { return {_mm512_min_ps(a.v, b.v)}; }

/// Lanes [first, last).
TROUPE_INLINE Mask16 lanes(int first, int last) {
  return {static_cast<__mmask16>(((1u << last) - 1) & ~((1u << first) - 1))};
}
TROUPE_INLINE Mask16 less(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
/// yes where the mask has the lane, else no.
TROUPE_INLINE Vec16 select(Mask16 mask, Vec16 yes, Vec16 no) { return {_mm512_mask_blend_ps(mask.bits, no.v, yes.v)}; }
/// Bit i is lane i.
TROUPE_INLINE std::uint32_t bits_of(Mask16 mask) { return mask.bits; }

/// ((8 + 8) -> (4 + 4) -> (2 + 2) -> (1 + 1)): lane i takes lane i + 8, then i + 4, i + 2, i + 1.
TROUPE_INLINE float sum(Vec16 a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
/// The largest lane, by the same tree.
TROUPE_INLINE float maximum(Vec16 a) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// value * 2^n in two steps, so that subnormal results are rounded once; n is the integer in the low bits of `shifted`.
TROUPE_INLINE Vec16 scale_by_power(Vec16 value, Vec16 shifted) {
  const __m512i n = _mm512_sub_epi32(_mm512_castps_si512(shifted.v), _mm512_set1_epi32(exp_constants::kShiftBits));
  const __m512i low = _mm512_srai_epi32(n, 1);
  const __m512i bias = _mm512_set1_epi32(127);
  const __m512i a = _mm512_slli_epi32(_mm512_add_epi32(low, bias), 23);
  const __m512i b = _mm512_slli_epi32(_mm512_add_epi32(_mm512_sub_epi32(n, low), bias), 23);
  return {_mm512_mul_ps(_mm512_mul_ps(value.v, _mm512_castsi512_ps(a)), _mm512_castsi512_ps(b))};
}

#include "kernels/core/vec16_exp.inl"

}  // namespace troupe::kernels::avx512
