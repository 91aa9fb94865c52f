// y = x W^T + bias with W as stored (bf16, f16 or f32), accumulated in float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/parallel.hpp"

namespace troupe::kernels {

/// W packed for the CPU kernels: panels of kPanelColumns output columns; inside a panel, for each k, the columns'
/// weights side by side in the stored format. The last panel is padded with zeros. Immutable once packed; shared freely
/// between threads.
class PackedMatrix {
 public:
  static constexpr std::int64_t kPanelColumns = 32;

  PackedMatrix() = default;
  /// Storage for a matrix of `outputs` x `inputs`, 64-byte aligned, not yet filled, from `memory`, which outlives it.
  PackedMatrix(std::int64_t outputs, std::int64_t inputs, DType dtype,
               std::pmr::memory_resource* memory = std::pmr::new_delete_resource());

  /// Copies rows [first_output, first_output + count) of the row-major [outputs][inputs] checkpoint matrix `rows`
  /// (pointing at the first of them, any alignment) into place. Different ranges that share no panel may be packed at
  /// the same time. Several checkpoint matrices may be packed under one another (q, k, v; gate, up), to be multiplied
  /// in one call.
  void pack_rows(std::int64_t first_output, std::int64_t count, const void* rows);

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }
  DType dtype() const { return dtype_; }
  std::int64_t panels() const { return (outputs_ + kPanelColumns - 1) / kPanelColumns; }
  std::size_t bytes() const { return bytes_; }
  const std::byte* panel(std::int64_t index) const;

 private:
  struct Free {
    std::pmr::memory_resource* from;
    std::size_t bytes;
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::int64_t outputs_ = 0;
  std::int64_t inputs_ = 0;
  DType dtype_ = DType::kF32;
  std::size_t bytes_ = 0;
};

/// y[m][n] = (sum over k ascending of fma(x[m][k], w[n][k], acc), acc from 0) + bias[n]; where `accumulate`, y's old
/// value + that. Determinism: each output is one chain of float32 FMAs over k in ascending order, whatever the rows,
/// the isa or the number of threads. Checked, a bug otherwise: a packed matrix that is not empty, and strides that hold
/// a row where there is more than one.
struct Matmul {
  const float* x = nullptr;  ///< [rows][inputs], x_stride floats apart
  std::int64_t x_stride = 0;
  const PackedMatrix* weights = nullptr;
  const float* bias = nullptr;  ///< [outputs] or null
  float* y = nullptr;           ///< [rows][outputs], y_stride floats apart; must not overlap x
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  bool accumulate = false;  ///< y = y + result (the residual connection) instead of y = result
};
void matmul(CpuIsa isa, Parallel& parallel, const Matmul& args);

}  // namespace troupe::kernels
