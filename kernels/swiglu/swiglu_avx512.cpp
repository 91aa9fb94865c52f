// SwiGLU with AVX-512.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/swiglu/variants.hpp"

namespace troupe::kernels::avx512 {
#include "kernels/swiglu/swiglu.inl"
}  // namespace troupe::kernels::avx512
