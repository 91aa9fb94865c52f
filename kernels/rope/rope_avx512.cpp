// Rotary embedding with AVX-512.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/rope/variants.hpp"

namespace troupe::kernels::avx512 {
#include "kernels/rope/rope.inl"
}  // namespace troupe::kernels::avx512
