// Embedding lookup as defined: the oracle for the vector code. The table may lie at any alignment.
#include <cstring>

#include "kernels/embedding/variants.hpp"

namespace troupe::kernels {
namespace {

float element(const void* data, DType dtype, std::int64_t index) {
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(data) + index * 4, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(data) + index * 2, sizeof bits);
  return dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

}  // namespace

void embedding_reference(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out) {
  for (std::size_t row = 0; row < count; ++row)
    for (std::int64_t i = 0; i < table.hidden; ++i)
      *out++ = element(table.data, table.dtype, tokens[row] * table.hidden + i);
}

}  // namespace troupe::kernels
