// Embedding lookup with AVX2.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/embedding/variants.hpp"

namespace troupe::kernels::avx2 {
#include "kernels/embedding/embedding.inl"
}  // namespace troupe::kernels::avx2
