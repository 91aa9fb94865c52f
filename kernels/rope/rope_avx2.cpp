// Rotary embedding with AVX2.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/rope/variants.hpp"

namespace troupe::kernels::avx2 {
#include "kernels/rope/rope.inl"
}  // namespace troupe::kernels::avx2
