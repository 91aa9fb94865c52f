// RMSNorm with AVX2.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/rms_norm/variants.hpp"

namespace troupe::kernels::avx2 {
#include "kernels/rms_norm/rms_norm.inl"
}  // namespace troupe::kernels::avx2
