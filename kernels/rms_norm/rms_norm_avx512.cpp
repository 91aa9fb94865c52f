// RMSNorm with AVX-512.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/rms_norm/variants.hpp"

namespace troupe::kernels::avx512 {
#include "kernels/rms_norm/rms_norm.inl"
}  // namespace troupe::kernels::avx512
