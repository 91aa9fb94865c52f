// The implementations that embedding() chooses from: all exact. Tokens are already checked.
#pragma once

#include <cstddef>

#include "kernels/embedding/embedding.hpp"

namespace troupe::kernels {

void embedding_reference(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out);
namespace avx2 {
void embedding(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out);
}
namespace avx512 {
void embedding(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out);
}

}  // namespace troupe::kernels
