// A product to be computed in many ways: inputs that a seed decides, outputs surrounded by sentinels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/matmul/matmul.hpp"
#include "tests/unit/kernels/core/numbers.hpp"

namespace troupe::kernels {

struct Product {
  std::int64_t rows = 1;
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  DType dtype = DType::kBf16;
  bool bias = false;
  bool accumulate = false;

  static constexpr float kSentinel = 1234.5f;
  std::int64_t x_stride() const { return inputs + 3; }
  std::int64_t y_stride() const { return outputs + 5; }
  std::vector<float> x() const { return random_numbers(static_cast<std::size_t>(rows * x_stride()), 1); }
  std::vector<float> w() const { return random_numbers(static_cast<std::size_t>(outputs * inputs), 2); }
  std::vector<float> biases() const { return random_numbers(static_cast<std::size_t>(outputs), 3); }
  /// y before: sentinels everywhere, in the columns too.
  std::vector<float> old_y() const {
    return std::vector<float>(static_cast<std::size_t>(rows * y_stride()), kSentinel);
  }

  PackedMatrix packed() const {
    PackedMatrix matrix(outputs, inputs, dtype);
    matrix.pack_rows(0, outputs, stored_as(dtype, w()).data());
    return matrix;
  }

  std::vector<float> compute(CpuIsa isa, Parallel& parallel) const { return compute(isa, parallel, packed(), x()); }
  std::vector<float> compute(CpuIsa isa, Parallel& parallel, const PackedMatrix& matrix,
                             const std::vector<float>& x) const {
    std::vector<float> y = old_y();
    const std::vector<float> b = biases();
    matmul(isa, parallel,
           {.x = x.data(),
            .x_stride = x_stride(),
            .weights = &matrix,
            .bias = bias ? b.data() : nullptr,
            .y = y.data(),
            .y_stride = y_stride(),
            .rows = rows,
            .accumulate = accumulate});
    return y;
  }
};

/// Dimensions on both sides of every boundary: lanes, panels, tiles of 6 and 12 rows, parts of 96 rows, stretches of
/// 192 inputs.
inline std::vector<Product> odd_products() {
  std::vector<Product> products;
  const std::int64_t shapes[][3] = {{1, 1, 1},    {3, 7, 31},    {12, 16, 32},  {13, 17, 33},
                                    {2, 191, 47}, {25, 200, 95}, {97, 193, 64}, {100, 385, 5},
                                    {7, 64, 130}, {5, 192, 48},  {193, 31, 34}, {4, 576, 80}};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16})
    for (const auto& [rows, inputs, outputs] : shapes)
      products.push_back({.rows = rows,
                          .inputs = inputs,
                          .outputs = outputs,
                          .dtype = dtype,
                          .bias = inputs % 2 == 1,
                          .accumulate = rows % 2 == 1});
  return products;
}

}  // namespace troupe::kernels
