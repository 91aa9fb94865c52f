// Sampling's passes over the vocabulary with AVX2.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/sampling/passes.hpp"

namespace troupe::kernels::avx2 {
#include "kernels/sampling/passes.inl"
}  // namespace troupe::kernels::avx2

namespace troupe::kernels::sampling {
constexpr Passes kAvx2Passes = avx2::kPasses;
}  // namespace troupe::kernels::sampling
