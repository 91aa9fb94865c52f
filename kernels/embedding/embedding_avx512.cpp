// Embedding lookup with AVX-512.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/embedding/variants.hpp"

namespace troupe::kernels::avx512 {
#include "kernels/embedding/embedding.inl"
}  // namespace troupe::kernels::avx512
