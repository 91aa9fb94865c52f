// The definition: each output alone, one fused multiply-add after another.
#include <cmath>
#include <cstring>

#include "kernels/matmul/part.hpp"

namespace troupe::kernels {
namespace {

float weight(const std::byte* panel, DType dtype, std::int64_t index) {
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, panel + index * 4, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, panel + index * 2, sizeof bits);
  return dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

}  // namespace

void matmul_part_reference(const MatmulPart& part) {
  constexpr std::int64_t kColumns = PackedMatrix::kPanelColumns;
  for (std::int64_t m = 0; m < part.rows; ++m) {
    for (std::int64_t n = 0; n < part.columns; ++n) {
      const std::byte* panel = part.panel + (n / kColumns) * part.panel_bytes;
      float sum = 0;
      for (std::int64_t k = 0; k < part.inputs; ++k)
        sum = std::fma(part.x[m * part.x_stride + k], weight(panel, part.dtype, k * kColumns + n % kColumns), sum);
      if (part.bias != nullptr) sum = sum + part.bias[n];
      float& y = part.y[m * part.y_stride + n];
      y = part.accumulate ? y + sum : sum;
    }
  }
}

}  // namespace troupe::kernels
