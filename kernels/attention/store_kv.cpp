// New keys and values into their blocks. Bound by memory and far from the critical path: plain C++ on every host.
#include <cstring>

#include "kernels/attention/attention.hpp"
#include "kernels/core/check.hpp"

namespace troupe::kernels {
namespace {

/// Writes `count` numbers to every `step`-th place from `to` on.
template <DType type>
void put(const float* from, std::int64_t count, std::byte* to, std::int64_t step) {
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (type == DType::kF32) {
      std::memcpy(to + i * step * 4, from + i, 4);
    } else {
      const std::uint16_t bits = type == DType::kF16 ? f32_to_f16(from[i]) : f32_to_bf16(from[i]);
      std::memcpy(to + i * step * 2, &bits, 2);
    }
  }
}

template <DType type>
void store_head(const StoreKv& args, std::int64_t head) {
  const KvLayout& layout = *args.layout;
  const std::int64_t size = static_cast<std::int64_t>(bytes_of(type));
  const std::int64_t head_bytes = layout.head_dim * kBlockPositions * size;
  for (const AttentionSequence& sequence : args.sequences) {
    for (std::int64_t i = 0; i < sequence.rows; ++i) {
      const std::int64_t position = sequence.first_position + i;
      const std::int64_t block = sequence.block_table[position / kBlockPositions];
      KERNEL_CHECK(block < layout.blocks, block, layout.blocks);
      const std::int64_t slot = position % kBlockPositions;
      std::byte* k = args.slab + layout.offset(args.layer, block) + head * head_bytes;
      std::byte* v = k + layout.half_bytes();
      const std::int64_t from = (sequence.first_row + i) * args.row_stride + head * layout.head_dim;
      put<type>(args.k + from, layout.head_dim, k + slot * size, kBlockPositions);
      put<type>(args.v + from, layout.head_dim, v + slot * layout.head_dim * size, 1);
    }
  }
}

}  // namespace

void store_kv(CpuIsa, Parallel& parallel, const StoreKv& args) {
  KERNEL_CHECK(args.layout != nullptr && args.slab != nullptr, args.layer, 0);
  const KvLayout& layout = *args.layout;
  KERNEL_CHECK(args.layer >= 0 && args.layer < layout.layers, args.layer, layout.layers);
  KERNEL_CHECK(args.row_stride >= layout.kv_heads * layout.head_dim, args.row_stride,
               layout.kv_heads * layout.head_dim);
  for (const AttentionSequence& sequence : args.sequences) {
    KERNEL_CHECK(sequence.rows >= 0 && sequence.first_row >= 0, sequence.first_row, sequence.rows);
    KERNEL_CHECK(sequence.first_position >= 0, sequence.first_position, sequence.rows);
    KERNEL_CHECK(sequence.rows == 0 || sequence.block_table != nullptr, sequence.first_position, sequence.rows);
  }
  // A head's numbers share no cache line with another's, in K as in V.
  const auto store = [&](std::size_t head) {
    switch (layout.dtype) {
      case DType::kF32:
        return store_head<DType::kF32>(args, static_cast<std::int64_t>(head));
      case DType::kF16:
        return store_head<DType::kF16>(args, static_cast<std::int64_t>(head));
      case DType::kBf16:
        return store_head<DType::kBf16>(args, static_cast<std::int64_t>(head));
    }
  };
  constexpr std::int64_t kWorthSharing = 1 << 15;  // numbers
  std::int64_t rows = 0;
  for (const AttentionSequence& sequence : args.sequences) rows += sequence.rows;
  if (rows * layout.kv_heads * layout.head_dim < kWorthSharing) {
    for (std::int64_t head = 0; head < layout.kv_heads; ++head) store(static_cast<std::size_t>(head));
  } else {
    parallel.run(static_cast<std::size_t>(layout.kv_heads), store);
  }
}

}  // namespace troupe::kernels
