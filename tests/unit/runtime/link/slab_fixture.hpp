// Slabs with known content for the link's tests.
#pragma once

#include <cstring>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/link/landing.hpp"

namespace troupe::link {

struct TestSlab {
  kernels::KvLayout layout;
  std::vector<std::byte> memory;

  explicit TestSlab(std::int64_t blocks, std::int64_t layers = 3, std::int64_t head_dim = 64)
      : layout{layers, 4, head_dim, blocks, kernels::DType::kF32}, memory(layout.slab_bytes()) {}

  void fill(std::uint64_t seed) {
    RandomStream random(seed);
    for (std::size_t at = 0; at + 8 <= memory.size(); at += 8) {
      const std::uint64_t bits = random.next();
      std::memcpy(memory.data() + at, &bits, 8);
    }
  }
  Slab slab() { return {memory, layout}; }
  std::span<const std::byte> at(std::int64_t layer, BlockId block) const {
    return std::span(memory).subspan(layout.offset(layer, block.value), layout.layer_block_bytes());
  }
  bool untouched() const {
    for (const std::byte byte : memory) {
      if (byte != std::byte{0}) return false;
    }
    return true;
  }
};

inline std::vector<BlockId> blocks(std::initializer_list<std::uint32_t> numbers) {
  std::vector<BlockId> ids;
  for (const std::uint32_t number : numbers) ids.push_back(BlockId{number});
  return ids;
}

inline std::vector<BlockId> block_range(std::uint32_t first, std::uint32_t count) {
  std::vector<BlockId> ids;
  for (std::uint32_t i = 0; i < count; ++i) ids.push_back(BlockId{first + i});
  return ids;
}

/// Whether place by place, layer by layer, the two hold the same bytes.
inline bool same_blocks(const TestSlab& a, std::span<const BlockId> of_a, const TestSlab& b,
                        std::span<const BlockId> of_b) {
  if (of_a.size() != of_b.size()) return false;
  for (std::int64_t layer = 0; layer < a.layout.layers; ++layer) {
    for (std::size_t place = 0; place < of_a.size(); ++place) {
      const auto left = a.at(layer, of_a[place]);
      const auto right = b.at(layer, of_b[place]);
      if (!std::equal(left.begin(), left.end(), right.begin(), right.end())) return false;
    }
  }
  return true;
}

}  // namespace troupe::link
