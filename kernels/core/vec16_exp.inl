// e^x for sixteen lanes: the operations of kernels/core/scalar.hpp's exp_f32, one for one, so the same bits. Included
// inside the namespace of each vec16_*.hpp.

TROUPE_INLINE Vec16 exp(Vec16 x) {
  namespace c = exp_constants;
  const Vec16 bounded = max(Vec16::splat(c::kLowest), min(Vec16::splat(c::kHighest), x));
  const Vec16 shift = Vec16::splat(c::kShift);
  const Vec16 shifted = fma(bounded, Vec16::splat(c::kLog2E), shift);
  const Vec16 n = shifted - shift;
  const Vec16 r = fma(n, Vec16::splat(c::kMinusLn2Low), fma(n, Vec16::splat(c::kMinusLn2High), bounded));
  Vec16 p = Vec16::splat(c::kPolynomial[0]);
  for (int i = 1; i < c::kTerms; ++i) p = fma(p, r, Vec16::splat(c::kPolynomial[i]));
  return scale_by_power(p, shifted);
}
