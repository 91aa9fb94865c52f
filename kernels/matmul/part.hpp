// The piece of a product that one thread computes at a time, and its three implementations. Internal to kernels/matmul.
#pragma once

#include <cstdint>

#include "kernels/matmul/matmul.hpp"

namespace troupe::kernels {

/// Rows that go through a panel together: enough to pay for its widening, few enough for their inputs to stay in the L2
/// cache.
inline constexpr std::int64_t kMatmulRowsOfPart = 96;

/// A block of y's rows by some neighbouring panels' columns. Plain numbers only: a file compiled for one instruction
/// set must call no inline function of another header, whose copy the linker might then give to code that runs on any
/// host.
struct MatmulPart {
  const float* x;  ///< the part's first row
  std::int64_t x_stride;
  const std::byte* panel;  ///< the part's first panel
  std::int64_t panel_bytes;
  DType dtype;
  std::int64_t inputs;
  std::int64_t columns;  ///< at most 32 * panels: the last panel may be padded
  const float* bias;     ///< from the part's first column on, or null
  float* y;              ///< the part's first row and column
  std::int64_t y_stride;
  std::int64_t rows;  ///< at most kMatmulRowsOfPart
  std::int64_t panels;
  bool accumulate;
};

void matmul_part_reference(const MatmulPart& part);
void matmul_part_avx2(const MatmulPart& part);
void matmul_part_avx512(const MatmulPart& part);

}  // namespace troupe::kernels
