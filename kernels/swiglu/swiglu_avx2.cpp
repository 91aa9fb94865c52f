// SwiGLU with AVX2.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/swiglu/variants.hpp"

namespace troupe::kernels::avx2 {
#include "kernels/swiglu/swiglu.inl"
}  // namespace troupe::kernels::avx2
