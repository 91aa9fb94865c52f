// Sequences with their keys and values in a paged slab whose unused memory holds NaN.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/attention/attention.hpp"
#include "tests/unit/kernels/core/numbers.hpp"

namespace troupe::kernels {

/// Positions [first_position, first_position + rows) of one sequence are asked for; those before are there already.
struct Span {
  std::int64_t first_position = 0;
  std::int64_t rows = 1;
};

struct Scene {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;
  std::int64_t head_dim = 16;
  DType dtype = DType::kBf16;
  std::int64_t window = 0;
  std::vector<Span> spans = {{}};
  float size = 1;  ///< of the queries: large ones make scores that overflow a naive softmax

  static constexpr std::int64_t kLayers = 3;
  static constexpr std::int64_t kLayer = 1;
  static constexpr float kSentinel = 77.0f;

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }
  std::int64_t kv_width() const { return kv_heads * head_dim; }
  std::int64_t kv_stride() const { return 2 * kv_width() + 1; }  // k and v of a row side by side, and a gap
  std::int64_t width() const { return heads * head_dim; }
  std::int64_t stride() const { return width() + 3; }
  std::int64_t end(std::size_t s) const { return spans[s].first_position + spans[s].rows; }
  std::int64_t rows() const {
    std::int64_t total = 0;
    for (const Span& span : spans) total += span.rows;
    return total;
  }
  KvLayout layout() const {
    std::int64_t blocks = 3;
    for (std::size_t s = 0; s < spans.size(); ++s) blocks += (end(s) + 15) / 16;
    return {.layers = kLayers, .kv_heads = kv_heads, .head_dim = head_dim, .blocks = blocks, .dtype = dtype};
  }
  /// Blocks in an order that no sequence's neighbours share: from the last one down, a sequence's every second one
  /// first.
  std::vector<std::vector<std::uint32_t>> tables() const {
    std::vector<std::vector<std::uint32_t>> tables(spans.size());
    auto next = static_cast<std::uint32_t>(layout().blocks);
    for (std::size_t s = 0; s < spans.size(); ++s) {
      tables[s].resize(static_cast<std::size_t>((end(s) + 15) / 16));
      for (const std::size_t odd : {1u, 0u})
        for (std::size_t i = odd; i < tables[s].size(); i += 2) tables[s][i] = --next;
    }
    return tables;
  }
  /// Keys and values of all of a sequence's positions, [position][kv_stride].
  std::vector<float> kv(std::size_t s) const {
    return random_numbers(static_cast<std::size_t>(end(s) * kv_stride()), 100 + s);
  }
  /// Queries by position, so that a row's query does not depend on the span it is asked in.
  std::vector<float> q(std::size_t s) const {
    std::vector<float> q = random_numbers(static_cast<std::size_t>(end(s) * stride()), 200 + s);
    for (float& number : q) number *= size;
    return q;
  }

  /// The slab after storing all positions, a row at a time, or in chunks.
  std::vector<std::byte> slab(Parallel& parallel, std::int64_t chunk = 1000) const {
    const KvLayout kv_layout = layout();
    std::vector<std::byte> memory(kv_layout.slab_bytes(), std::byte{0xff});  // NaN in each of the formats
    for (std::size_t s = 0; s < spans.size(); ++s) {
      const std::vector<float> numbers = kv(s);
      const std::vector<std::uint32_t> table = tables()[s];
      for (std::int64_t first = 0; first < end(s); first += chunk) {
        const AttentionSequence sequence{.first_row = first,
                                         .rows = std::min(chunk, end(s) - first),
                                         .first_position = first,
                                         .block_table = table.data()};
        store_kv(best_cpu_isa(), parallel,
                 {.k = numbers.data(),
                  .v = numbers.data() + kv_width(),
                  .row_stride = kv_stride(),
                  .slab = memory.data(),
                  .layout = &kv_layout,
                  .layer = kLayer,
                  .sequences = {&sequence, 1}});
      }
    }
    return memory;
  }

  std::vector<float> compute(CpuIsa isa, Parallel& parallel) const { return compute(isa, parallel, slab(parallel)); }
  std::vector<float> compute(CpuIsa isa, Parallel& parallel, const std::vector<std::byte>& memory) const {
    const KvLayout kv_layout = layout();
    const std::vector<std::vector<std::uint32_t>> block_tables = tables();
    std::vector<float> queries;
    std::vector<AttentionSequence> sequences;
    for (std::size_t s = 0; s < spans.size(); ++s) {
      const std::vector<float> own = q(s);
      sequences.push_back({.first_row = static_cast<std::int64_t>(queries.size()) / stride(),
                           .rows = spans[s].rows,
                           .first_position = spans[s].first_position,
                           .block_table = block_tables[s].data()});
      queries.insert(queries.end(), own.begin() + spans[s].first_position * stride(), own.end());
    }
    std::vector<float> out(queries.size(), kSentinel);
    attention(isa, parallel,
              {.q = queries.data(),
               .q_stride = stride(),
               .out = out.data(),
               .out_stride = stride(),
               .heads = heads,
               .scale = scale(),
               .window = window,
               .slab = memory.data(),
               .layout = &kv_layout,
               .layer = kLayer,
               .sequences = sequences});
    return out;
  }

  std::string name() const {
    return std::to_string(heads) + "/" + std::to_string(kv_heads) + " heads of " + std::to_string(head_dim) + " " +
           to_string(dtype) + " window " + std::to_string(window) + " from " + std::to_string(spans[0].first_position) +
           " rows " + std::to_string(spans[0].rows) + " ";
  }
};

/// Dimensions on both sides of every boundary: lanes, tiles of 16 positions, parts of 16 queries, windows within and
/// across tiles.
inline std::vector<Scene> odd_scenes() {
  std::vector<Scene> scenes;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    scenes.push_back({.head_dim = 1, .dtype = dtype, .spans = {{0, 1}}});
    scenes.push_back({.heads = 3, .kv_heads = 1, .head_dim = 17, .dtype = dtype, .spans = {{0, 33}}});
    scenes.push_back(
        {.heads = 4, .kv_heads = 2, .head_dim = 64, .dtype = dtype, .spans = {{47, 1}, {0, 5}, {16, 1}, {15, 2}}});
    scenes.push_back({.heads = 9, .kv_heads = 3, .head_dim = 33, .dtype = dtype, .window = 5, .spans = {{30, 20}}});
    scenes.push_back(
        {.heads = 2, .kv_heads = 2, .head_dim = 80, .dtype = dtype, .window = 16, .spans = {{0, 40}, {63, 1}}});
    scenes.push_back({.heads = 37, .kv_heads = 1, .head_dim = 5, .dtype = dtype, .window = 1, .spans = {{14, 4}}});
    scenes.push_back({.heads = 7, .kv_heads = 1, .head_dim = 129, .dtype = dtype, .window = 50, .spans = {{90, 3}}});
    scenes.push_back({.heads = 2, .kv_heads = 1, .head_dim = 255, .dtype = dtype, .spans = {{31, 2}}});
    scenes.push_back({.heads = 1, .kv_heads = 1, .head_dim = 256, .dtype = dtype, .spans = {{20, 1}}, .size = 500});
  }
  return scenes;
}

}  // namespace troupe::kernels
