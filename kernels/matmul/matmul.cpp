// Checks, and the split of a product into parts that threads take.
#include "kernels/matmul/matmul.hpp"

#include <algorithm>

#include "kernels/core/check.hpp"
#include "kernels/matmul/part.hpp"

namespace troupe::kernels {
namespace {

/// Multiply-adds below which waking another thread costs more than it saves (about 10 us on one core).
constexpr std::int64_t kWorthSharing = 1 << 18;
/// Parts for each thread, so that one that is late holds up the others little.
constexpr std::int64_t kPartsPerThread = 4;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

using PartKernel = void (*)(const MatmulPart&);

PartKernel kernel_for(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kReference:
      return matmul_part_reference;
    case CpuIsa::kAvx2:
      return matmul_part_avx2;
    case CpuIsa::kAvx512:
      return matmul_part_avx512;
  }
  return matmul_part_reference;
}

MatmulPart part_of(const Matmul& args, std::int64_t first_row, std::int64_t rows, std::int64_t first_panel,
                   std::int64_t panels) {
  const PackedMatrix& w = *args.weights;
  const std::int64_t first_column = first_panel * PackedMatrix::kPanelColumns;
  return {
      .x = args.x + first_row * args.x_stride,
      .x_stride = args.x_stride,
      .panel = w.panel(first_panel),
      .panel_bytes = static_cast<std::int64_t>(bytes_of(w.dtype())) * w.inputs() * PackedMatrix::kPanelColumns,
      .dtype = w.dtype(),
      .inputs = w.inputs(),
      .columns = std::min(panels * PackedMatrix::kPanelColumns, w.outputs() - first_column),
      .bias = args.bias == nullptr ? nullptr : args.bias + first_column,
      .y = args.y + first_row * args.y_stride + first_column,
      .y_stride = args.y_stride,
      .rows = rows,
      .panels = panels,
      .accumulate = args.accumulate,
  };
}

}  // namespace

void matmul(CpuIsa isa, Parallel& parallel, const Matmul& args) {
  KERNEL_CHECK(args.weights != nullptr && args.weights->outputs() > 0, args.rows, 0);
  KERNEL_CHECK(args.rows >= 0, args.rows, 0);
  if (args.rows == 0) return;
  const PackedMatrix& w = *args.weights;
  KERNEL_CHECK(args.x != nullptr && args.y != nullptr, args.rows, w.inputs());
  KERNEL_CHECK(args.x_stride >= w.inputs() || args.rows == 1, args.x_stride, w.inputs());
  KERNEL_CHECK(args.y_stride >= w.outputs() || args.rows == 1, args.y_stride, w.outputs());
  const PartKernel kernel = kernel_for(isa);
  const auto threads = static_cast<std::int64_t>(parallel.width());
  if (threads == 1 || args.rows * w.outputs() * w.inputs() < kWorthSharing) {
    for (std::int64_t row = 0; row < args.rows; row += kMatmulRowsOfPart)
      kernel(part_of(args, row, std::min(kMatmulRowsOfPart, args.rows - row), 0, w.panels()));
    return;
  }
  // Rows are dealt evenly; the panels are cut as finely as the number of threads asks.
  const std::int64_t row_parts = ceil_divide(args.rows, kMatmulRowsOfPart);
  const std::int64_t rows_each = ceil_divide(args.rows, row_parts);
  const std::int64_t wanted = ceil_divide(threads * kPartsPerThread, row_parts);
  const std::int64_t panels_each = ceil_divide(w.panels(), std::min(wanted, w.panels()));
  const std::int64_t panel_parts = ceil_divide(w.panels(), panels_each);
  parallel.run(static_cast<std::size_t>(row_parts * panel_parts), [&](std::size_t part) {
    const std::int64_t row = static_cast<std::int64_t>(part) / panel_parts * rows_each;
    const std::int64_t panel = static_cast<std::int64_t>(part) % panel_parts * panels_each;
    const std::int64_t rows = std::min(rows_each, args.rows - row);
    if (rows > 0) kernel(part_of(args, row, rows, panel, std::min(panels_each, w.panels() - panel)));
  });
}

}  // namespace troupe::kernels
