#include "kernels/embedding/embedding.hpp"

#include "kernels/core/check.hpp"
#include "kernels/embedding/variants.hpp"

namespace troupe::kernels {

void embedding(CpuIsa isa, const EmbeddingTable& table, std::span<const std::int32_t> tokens, float* out) {
  for (const std::int32_t token : tokens) KERNEL_CHECK(token >= 0 && token < table.vocab, token, table.vocab);
  switch (isa) {
    case CpuIsa::kReference:
      return embedding_reference(table, tokens.data(), tokens.size(), out);
    case CpuIsa::kAvx2:
      return avx2::embedding(table, tokens.data(), tokens.size(), out);
    case CpuIsa::kAvx512:
      return avx512::embedding(table, tokens.data(), tokens.size(), out);
  }
}

}  // namespace troupe::kernels
