#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/core/check.hpp"
#include "kernels/matmul/matmul.hpp"

namespace troupe::kernels {
namespace {

constexpr std::size_t kAlignment = 64;

/// Rows of `Number` into one panel's columns, a few k at a time, so that the panel's lines are filled while they are in
/// cache.
template <class Number>
void scatter_rows(std::byte* panel, std::int64_t first_column, std::int64_t columns, std::int64_t inputs,
                  const std::byte* rows) {
  constexpr std::int64_t kStretch = 64;
  const auto row_bytes = static_cast<std::size_t>(inputs) * sizeof(Number);
  for (std::int64_t k0 = 0; k0 < inputs; k0 += kStretch) {
    const std::int64_t count = std::min(kStretch, inputs - k0);
    for (std::int64_t c = 0; c < columns; ++c) {
      Number stretch[kStretch];
      std::memcpy(stretch,
                  rows + static_cast<std::size_t>(c) * row_bytes + static_cast<std::size_t>(k0) * sizeof(Number),
                  static_cast<std::size_t>(count) * sizeof(Number));
      Number* to = reinterpret_cast<Number*>(panel) + k0 * PackedMatrix::kPanelColumns + first_column + c;
      for (std::int64_t k = 0; k < count; ++k) to[k * PackedMatrix::kPanelColumns] = stretch[k];
    }
  }
}

}  // namespace

void PackedMatrix::Free::operator()(std::byte* memory) const { from->deallocate(memory, bytes, kAlignment); }

PackedMatrix::PackedMatrix(std::int64_t outputs, std::int64_t inputs, DType dtype, std::pmr::memory_resource* memory)
    : outputs_(outputs), inputs_(inputs), dtype_(dtype) {
  KERNEL_CHECK(outputs > 0 && inputs > 0, outputs, inputs);
  const std::int64_t column_bytes = kPanelColumns * static_cast<std::int64_t>(bytes_of(dtype));
  KERNEL_CHECK(inputs <= std::numeric_limits<std::int64_t>::max() / column_bytes / panels(), outputs, inputs);
  bytes_ = static_cast<std::size_t>(panels() * inputs * column_bytes);
  data_ = {static_cast<std::byte*>(memory->allocate(bytes_, kAlignment)), Free{memory, bytes_}};
  const std::int64_t used = outputs - (panels() - 1) * kPanelColumns;
  if (used < kPanelColumns) {
    std::byte* last = data_.get() + (panels() - 1) * inputs * column_bytes;
    std::memset(last, 0, static_cast<std::size_t>(inputs * column_bytes));
  }
}

void PackedMatrix::pack_rows(std::int64_t first_output, std::int64_t count, const void* rows) {
  KERNEL_CHECK(first_output >= 0 && count >= 0 && first_output <= outputs_ - count, first_output, count);
  const auto* from = static_cast<const std::byte*>(rows);
  const std::size_t row_bytes = static_cast<std::size_t>(inputs_) * bytes_of(dtype_);
  while (count > 0) {
    const std::int64_t column = first_output % kPanelColumns;
    const std::int64_t columns = std::min(count, kPanelColumns - column);
    std::byte* to = data_.get() + (panel(first_output / kPanelColumns) - data_.get());
    if (dtype_ == DType::kF32)
      scatter_rows<std::uint32_t>(to, column, columns, inputs_, from);
    else
      scatter_rows<std::uint16_t>(to, column, columns, inputs_, from);
    from += static_cast<std::size_t>(columns) * row_bytes;
    first_output += columns;
    count -= columns;
  }
}

const std::byte* PackedMatrix::panel(std::int64_t index) const {
  const std::size_t panel_bytes = static_cast<std::size_t>(inputs_ * kPanelColumns) * bytes_of(dtype_);
  return data_.get() + static_cast<std::size_t>(index) * panel_bytes;
}

}  // namespace troupe::kernels
