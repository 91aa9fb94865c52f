// The definition: one query after another, one position after another.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/attention/kv_layout.hpp"
#include "kernels/attention/part.hpp"
#include "kernels/core/scalar.hpp"

namespace troupe::kernels {
namespace {

constexpr std::int64_t kTile = kBlockPositions;

float number(const std::byte* from, DType dtype, std::int64_t index) {
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, from + index * 4, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, from + index * 2, sizeof bits);
  return dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

void attend(const AttentionPart& part, const float* q, float* out, std::int64_t position) {
  const std::int64_t earliest = part.window > 0 ? std::max<std::int64_t>(0, position - part.window + 1) : 0;
  float largest = -std::numeric_limits<float>::infinity();
  float sums[kTile] = {};
  float weighted[kMaxHeadDim] = {};
  for (std::int64_t tile = earliest / kTile; tile <= position / kTile; ++tile) {
    const std::byte* k = part.k + part.block_table[tile] * part.block_bytes;
    const std::byte* v = part.v + part.block_table[tile] * part.block_bytes;
    const std::int64_t first = std::max<std::int64_t>(earliest - tile * kTile, 0);
    const std::int64_t last = std::min(position - tile * kTile + 1, kTile);
    float scores[kTile];
    std::fill_n(scores, kTile, -std::numeric_limits<float>::infinity());
    for (std::int64_t p = first; p < last; ++p) {
      float score = 0;
      for (std::int64_t d = 0; d < part.head_dim; ++d)
        score = std::fma(q[d], number(k, part.dtype, d * kTile + p), score);
      scores[p] = score * part.scale;
    }
    const float tile_largest = maximum16(scores);
    const float new_largest = tile_largest > largest ? tile_largest : largest;
    const float rescale = exp_f32(largest - new_largest);
    largest = new_largest;
    for (std::int64_t p = 0; p < kTile; ++p) {
      const float e = p >= first && p < last ? exp_f32(scores[p] - largest) : 0;
      sums[p] = sums[p] * rescale + e;
      scores[p] = e;
    }
    for (std::int64_t d = 0; d < part.head_dim; ++d) {
      float sum = weighted[d] * rescale;
      for (std::int64_t p = first; p < last; ++p)
        sum = std::fma(scores[p], number(v, part.dtype, p * part.head_dim + d), sum);
      weighted[d] = sum;
    }
  }
  const float total = sum16(sums);
  for (std::int64_t d = 0; d < part.head_dim; ++d) out[d] = weighted[d] / total;
}

}  // namespace

void attention_part_reference(const AttentionPart& part) {
  for (std::int64_t i = part.first_query; i < part.first_query + part.queries; ++i) {
    const std::int64_t row = i / part.group;
    const std::int64_t offset = i % part.group * part.head_dim;
    attend(part, part.q + row * part.q_stride + offset, part.out + row * part.out_stride + offset,
           part.first_position + row);
  }
}

}  // namespace troupe::kernels
