// Checks, and the split of an attention into parts that threads take.
#include "kernels/attention/attention.hpp"

#include <algorithm>

#include "kernels/attention/part.hpp"
#include "kernels/core/check.hpp"

namespace troupe::kernels {
namespace {

/// Multiply-adds below which waking another thread costs more than it saves (about 10 us on one core).
constexpr std::int64_t kWorthSharing = 1 << 18;

using PartKernel = void (*)(const AttentionPart&);

PartKernel kernel_for(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kReference:
      return attention_part_reference;
    case CpuIsa::kAvx2:
      return attention_part_avx2;
    case CpuIsa::kAvx512:
      return attention_part_avx512;
  }
  return attention_part_reference;
}

/// Parts of one KV head of a sequence.
std::int64_t parts_of_head(const AttentionSequence& sequence, std::int64_t group) {
  return (sequence.rows * group + kQueriesOfPart - 1) / kQueriesOfPart;
}

AttentionPart part_of(const Attention& args, const AttentionSequence& sequence, std::int64_t kv_head,
                      std::int64_t index) {
  const KvLayout& layout = *args.layout;
  const std::int64_t group = args.heads / layout.kv_heads;
  const std::int64_t first_query = index * kQueriesOfPart;
  const std::int64_t head_bytes = static_cast<std::int64_t>(bytes_of(layout.dtype)) * layout.head_dim * kBlockPositions;
  const std::byte* k = args.slab + layout.offset(args.layer, 0) + kv_head * head_bytes;
  const std::int64_t first_head = kv_head * group * layout.head_dim;
  return {
      .q = args.q + sequence.first_row * args.q_stride + first_head,
      .q_stride = args.q_stride,
      .out = args.out + sequence.first_row * args.out_stride + first_head,
      .out_stride = args.out_stride,
      .group = group,
      .head_dim = layout.head_dim,
      .first_query = first_query,
      .queries = std::min(kQueriesOfPart, sequence.rows * group - first_query),
      .first_position = sequence.first_position,
      .window = args.window,
      .scale = args.scale,
      .dtype = layout.dtype,
      .k = k,
      .v = k + layout.half_bytes(),
      .block_bytes = static_cast<std::int64_t>(layout.layer_block_bytes()),
      .block_table = sequence.block_table,
  };
}

void check(const Attention& args) {
  KERNEL_CHECK(args.layout != nullptr && args.slab != nullptr, args.layer, 0);
  const KvLayout& layout = *args.layout;
  KERNEL_CHECK(args.layer >= 0 && args.layer < layout.layers, args.layer, layout.layers);
  KERNEL_CHECK(layout.head_dim > 0 && layout.head_dim <= kMaxHeadDim, layout.head_dim, kMaxHeadDim);
  KERNEL_CHECK(layout.kv_heads > 0 && args.heads > 0 && args.heads % layout.kv_heads == 0, args.heads, layout.kv_heads);
  KERNEL_CHECK(args.q_stride >= args.heads * layout.head_dim, args.q_stride, args.heads * layout.head_dim);
  KERNEL_CHECK(args.out_stride >= args.heads * layout.head_dim, args.out_stride, args.heads * layout.head_dim);
  KERNEL_CHECK(args.window >= 0, args.window, 0);
  for (const AttentionSequence& sequence : args.sequences) {
    KERNEL_CHECK(sequence.rows >= 0 && sequence.first_row >= 0, sequence.first_row, sequence.rows);
    KERNEL_CHECK(sequence.first_position >= 0, sequence.first_position, sequence.rows);
    if (sequence.rows == 0) continue;
    KERNEL_CHECK(sequence.block_table != nullptr, sequence.first_position, sequence.rows);
    const std::int64_t last = (sequence.first_position + sequence.rows - 1) / kBlockPositions;
    for (std::int64_t i = 0; i <= last; ++i)
      KERNEL_CHECK(sequence.block_table[i] < layout.blocks, sequence.block_table[i], layout.blocks);
  }
}

}  // namespace

void attention(CpuIsa isa, Parallel& parallel, const Attention& args) {
  check(args);
  const KvLayout& layout = *args.layout;
  const std::int64_t group = args.heads / layout.kv_heads;
  const PartKernel kernel = kernel_for(isa);
  std::int64_t parts = 0;
  std::int64_t work = 0;
  for (const AttentionSequence& sequence : args.sequences) {
    parts += parts_of_head(sequence, group) * layout.kv_heads;
    const std::int64_t end = sequence.first_position + sequence.rows;
    work += sequence.rows * (args.window > 0 ? std::min(end, args.window) : end) * args.heads * layout.head_dim * 2;
  }
  const auto run = [&](std::size_t number) {
    auto index = static_cast<std::int64_t>(number);
    for (const AttentionSequence& sequence : args.sequences) {
      const std::int64_t each = parts_of_head(sequence, group);
      if (index < each * layout.kv_heads) return kernel(part_of(args, sequence, index / each, index % each));
      index -= each * layout.kv_heads;
    }
  };
  if (work < kWorthSharing) {
    for (std::int64_t part = 0; part < parts; ++part) run(static_cast<std::size_t>(part));
  } else {
    parallel.run(static_cast<std::size_t>(parts), run);
  }
}

}  // namespace troupe::kernels
