// How KV lies in a device's slab: layer by layer, block by block, so that neighbouring blocks of one layer travel as
// one run of bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/dtype.hpp"

namespace troupe::kernels {

/// Positions in a block. One AVX-512 register of float32 scores.
inline constexpr std::int64_t kBlockPositions = 16;

/// In each (layer, block): K as [kv_heads][head_dim][16 positions], then V as [kv_heads][16 positions][head_dim], both
/// in `dtype`. K is transposed so that the scores of a block's 16 positions are 16 independent chains over head_dim.
struct KvLayout {
  std::int64_t layers = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t blocks = 0;
  DType dtype = DType::kF32;

  std::size_t half_bytes() const {  ///< K's or V's share of one block in one layer
    return static_cast<std::size_t>(kv_heads * head_dim * kBlockPositions) * bytes_of(dtype);
  }
  std::size_t layer_block_bytes() const { return 2 * half_bytes(); }
  std::size_t block_bytes() const { return static_cast<std::size_t>(layers) * layer_block_bytes(); }
  std::size_t position_bytes() const { return block_bytes() / kBlockPositions; }
  std::size_t slab_bytes() const { return static_cast<std::size_t>(blocks) * block_bytes(); }
  /// Byte offset of a block's K in a layer; its V follows half_bytes() later.
  std::size_t offset(std::int64_t layer, std::int64_t block) const {
    return static_cast<std::size_t>(layer * blocks + block) * layer_block_bytes();
  }
};

}  // namespace troupe::kernels
