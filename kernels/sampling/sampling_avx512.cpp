// Sampling's passes over the vocabulary with AVX-512.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/sampling/passes.hpp"

namespace troupe::kernels::avx512 {
#include "kernels/sampling/passes.inl"
}  // namespace troupe::kernels::avx512

namespace troupe::kernels::sampling {
constexpr Passes kAvx512Passes = avx512::kPasses;
}  // namespace troupe::kernels::sampling
