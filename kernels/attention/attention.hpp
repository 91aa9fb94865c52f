// Causal attention over paged KV with an online softmax (Milakov and Gimelshein, 2018; Dao et al., 2022): prefill and
// decode are the same arithmetic for each row, so a row's bits do not depend on the chunk or the batch it came in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/attention/kv_layout.hpp"
#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/parallel.hpp"

namespace troupe::kernels {

/// A run of rows that belong to one sequence: rows [first_row, first_row + rows) stand at positions [first_position,
/// ...).
struct AttentionSequence {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t first_position = 0;
  const std::uint32_t* block_table =
      nullptr;  ///< block of positions [16 i, 16 i + 16) at [i]; covers every position up to the last row's
};

/// Stores k and v rows into the slab: row r of a sequence goes to position first_position + r. Values are rounded to
/// the layout's dtype.
struct StoreKv {
  const float* k = nullptr;  ///< [rows][kv_heads][head_dim], row_stride floats apart
  const float* v = nullptr;  ///< the same shape and stride
  std::int64_t row_stride = 0;
  std::byte* slab = nullptr;
  const KvLayout* layout = nullptr;
  std::int64_t layer = 0;
  std::span<const AttentionSequence> sequences;
};
void store_kv(CpuIsa isa, Parallel& parallel, const StoreKv& args);

/// out[row][head] = softmax(scale * q . K) V over positions in (position - window, position], head h reading KV head
/// h / (heads / kv_heads). Checked, a bug otherwise: heads a multiple of kv_heads, head_dim at most 512, strides that
/// hold a row, blocks that the slab has. The sequences' rows must not overlap, and their KV must be stored before.
/// Determinism: positions are taken in tiles of 16 aligned to multiples of 16, ascending. Per tile: 16 scores, each one
/// FMA chain over head_dim ascending, times scale; the running maximum takes the largest; with r = exp(old maximum -
/// new), the 16 lanes of the sum become lane * r + exp(score - maximum), and each output element its old value times r,
/// continued by an FMA chain over the tile's positions ascending. At the end the lanes are summed by the tree 8+8, 4+4,
/// 2+2, 1+1 and the elements divided by that. A position that a row does not see counts for nothing, whatever its
/// memory holds; a tile that no row of a part sees is not read. No buffer grows with the length.
struct Attention {
  const float* q = nullptr;  ///< [rows][heads][head_dim], q_stride floats apart
  std::int64_t q_stride = 0;
  float* out = nullptr;  ///< [rows][heads][head_dim], out_stride floats apart
  std::int64_t out_stride = 0;
  std::int64_t heads = 0;
  float scale = 0;
  std::int64_t window = 0;  ///< 0: all earlier positions; else only the last `window`, the own one included
  const std::byte* slab = nullptr;
  const KvLayout* layout = nullptr;
  std::int64_t layer = 0;
  std::span<const AttentionSequence> sequences;
};
void attention(CpuIsa isa, Parallel& parallel, const Attention& args);

}  // namespace troupe::kernels
