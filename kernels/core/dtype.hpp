// The number formats that weights and KV blocks are stored in. Arithmetic is always float32.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace troupe::kernels {

enum class DType : std::uint8_t { kF32, kF16, kBf16 };

constexpr std::size_t bytes_of(DType type) { return type == DType::kF32 ? 4 : 2; }

/// "f32", "f16", "bf16".
constexpr const char* to_string(DType type) {
  return type == DType::kF32 ? "f32" : type == DType::kF16 ? "f16" : "bf16";
}

/// Exact: a bfloat16 is the upper half of a float32.
constexpr float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Round to nearest, ties to even; NaN stays NaN.
constexpr std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// Exact, subnormals included.
float f16_to_f32(std::uint16_t bits);
/// Round to nearest, ties to even; overflow goes to infinity, as IEEE 754 has it.
std::uint16_t f32_to_f16(float value);

}  // namespace troupe::kernels
