// One part of an attention; included by attention_avx2.cpp and attention_avx512.cpp inside their namespaces, after
// Vec16 and
//   kScoreQueries   queries whose scores of a tile are computed together, sharing the loads of K
//   kMixQueries, kMixVectors   queries by vectors of head_dim accumulated together, sharing the loads of V
//
// A tile's K and V are widened to float32 once, into buffers that stay in the L1 cache, and serve all of the part's
// queries. The next tile's lines, which may lie anywhere, are asked for while this one is taken.

constexpr int kTile = 16;

/// What a part keeps between tiles.
struct State {
  alignas(64) float k[kMaxHeadDim * kTile];                  // [head_dim][16]
  alignas(64) float v[kTile * kMaxHeadDim];                  // [16][width]
  alignas(64) float weighted[kQueriesOfPart * kMaxHeadDim];  // [query][width]
  alignas(64) float sums[kQueriesOfPart * kTile];
  alignas(64) float weights[kQueriesOfPart * kTile];  // scores, then their exponentials
  alignas(64) float largest[kQueriesOfPart];
  alignas(64) float rescale[kQueriesOfPart];
  const float* q[kQueriesOfPart] = {};
  std::int64_t earliest[kQueriesOfPart] = {};  // first position seen
  std::int64_t position[kQueriesOfPart] = {};  // last position seen
};

template <DType type>
void widen_keys(const std::byte* from, std::int64_t head_dim, float* to) {
  constexpr std::int64_t kSize = type == DType::kF32 ? 4 : 2;
  for (std::int64_t i = 0; i < head_dim * kTile; i += 16) Vec16::load_as<type>(from + i * kSize).store(to + i);
}

/// Rows of head_dim numbers to rows of `width`, the next multiple of 16.
template <DType type>
void widen_values(const std::byte* from, std::int64_t head_dim, std::int64_t width, float* to) {
  constexpr std::int64_t kSize = type == DType::kF32 ? 4 : 2;
  for (std::int64_t p = 0; p < kTile; ++p) {
    std::int64_t d = 0;
    for (; d + 16 <= head_dim; d += 16)
      Vec16::load_as<type>(from + (p * head_dim + d) * kSize).store(to + p * width + d);
    if (d < head_dim)
      Vec16::load_first_as<type>(from + (p * head_dim + d) * kSize, static_cast<int>(head_dim - d))
          .store(to + p * width + d);
  }
}

/// The next tile's keys and values in the slab, asked for in four portions, as many lines as a core can wait for at
/// once.
struct Ahead {
  const std::byte* k;
  const std::byte* v;
  std::int64_t bytes;  ///< of each
};

TROUPE_INLINE void ask(const Ahead& ahead, int portion) {
  const std::int64_t end = ahead.bytes * (portion + 1) / 4;
  for (std::int64_t i = ahead.bytes * portion / 4; i < end; i += 64) {
    __builtin_prefetch(ahead.k + i);
    __builtin_prefetch(ahead.v + i);
  }
}

/// weights[i] = scale * (q[i] . K) for `queries` queries: 16 positions, each a chain over head_dim.
template <int queries>
void score(const float* const* q, const float* k, std::int64_t head_dim, float scale, float* weights) {
  Vec16 sum[queries];
#pragma GCC unroll 8
  for (int i = 0; i < queries; ++i) sum[i] = Vec16::zero();
  for (std::int64_t d = 0; d < head_dim; ++d) {
    const Vec16 keys = Vec16::load(k + d * kTile);
#pragma GCC unroll 8
    for (int i = 0; i < queries; ++i) sum[i] = fma(Vec16::splat(q[i][d]), keys, sum[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < queries; ++i) (sum[i] * Vec16::splat(scale)).store(weights + i * kTile);
}

template <int queries = kScoreQueries>
void score_of(int wanted, const float* const* q, const float* k, std::int64_t head_dim, float scale, float* weights) {
  if constexpr (queries > 0) {
    if (wanted == queries) return score<queries>(q, k, head_dim, scale, weights);
    return score_of<queries - 1>(wanted, q, k, head_dim, scale, weights);
  }
}

TROUPE_INLINE int first_lane(const State& state, std::int64_t i, std::int64_t start) {
  return state.earliest[i] > start ? static_cast<int>(state.earliest[i] - start) : 0;
}
TROUPE_INLINE int last_lane(const State& state, std::int64_t i, std::int64_t start) {
  return state.position[i] - start < kTile - 1 ? static_cast<int>(state.position[i] - start) + 1 : kTile;
}

/// The scores of queries [from, to) to exponentials, with their running maxima and sums. Lanes that a query does not
/// see count for nothing.
void soften(State& state, std::int64_t from, std::int64_t to, std::int64_t start) {
  const Vec16 infinity = Vec16::splat(-__builtin_inff());
  for (std::int64_t i = from; i < to; ++i) {
    const Mask16 seen = lanes(first_lane(state, i, start), last_lane(state, i, start));
    const float tile_largest = maximum(select(seen, Vec16::load(state.weights + i * kTile), infinity));
    const float old_largest = state.largest[i];
    state.largest[i] = tile_largest > old_largest ? tile_largest : old_largest;
    state.rescale[i] = old_largest - state.largest[i];
  }
  for (std::int64_t i = from; i < to; i += 16) {
    const int count = to - i < 16 ? static_cast<int>(to - i) : 16;
    exp(Vec16::load_first(state.rescale + i, count)).store_first(state.rescale + i, count);
  }
  for (std::int64_t i = from; i < to; ++i) {
    const Mask16 seen = lanes(first_lane(state, i, start), last_lane(state, i, start));
    const Vec16 scores = Vec16::load(state.weights + i * kTile);
    const Vec16 weights = select(seen, exp(scores - Vec16::splat(state.largest[i])), Vec16::zero());
    weights.store(state.weights + i * kTile);
    (Vec16::load(state.sums + i * kTile) * Vec16::splat(state.rescale[i]) + weights).store(state.sums + i * kTile);
  }
}

/// weighted = weighted * rescale + sum over positions [first, last) of weight * V, for some neighbouring queries and
/// columns.
template <int queries, int vectors>
void mix(State& state, std::int64_t i, int first, int last, std::int64_t width, std::int64_t column) {
  Vec16 sum[queries][vectors];
#pragma GCC unroll 8
  for (int j = 0; j < queries; ++j)
#pragma GCC unroll 8
    for (int c = 0; c < vectors; ++c)
      sum[j][c] = Vec16::load(state.weighted + (i + j) * width + column + c * 16) * Vec16::splat(state.rescale[i + j]);
  for (int p = first; p < last; ++p) {
    Vec16 values[vectors];
#pragma GCC unroll 8
    for (int c = 0; c < vectors; ++c) values[c] = Vec16::load(state.v + p * width + column + c * 16);
#pragma GCC unroll 8
    for (int j = 0; j < queries; ++j) {
      const Vec16 weight = Vec16::splat(state.weights[(i + j) * kTile + p]);
#pragma GCC unroll 8
      for (int c = 0; c < vectors; ++c) sum[j][c] = fma(weight, values[c], sum[j][c]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < queries; ++j)
#pragma GCC unroll 8
    for (int c = 0; c < vectors; ++c) sum[j][c].store(state.weighted + (i + j) * width + column + c * 16);
}

template <int queries = kMixQueries>
void mix_all(State& state, std::int64_t i, int wanted, int first, int last, std::int64_t width) {
  if constexpr (queries > 0) {
    if (wanted < queries) return mix_all<queries - 1>(state, i, wanted, first, last, width);
    std::int64_t column = 0;
    for (; column + 16 * kMixVectors <= width; column += 16 * kMixVectors)
      mix<queries, kMixVectors>(state, i, first, last, width, column);
    for (; column < width; column += 16) mix<queries, 1>(state, i, first, last, width, column);
  }
}

/// One tile for the queries [from, to) that see some of it.
void take_tile(const AttentionPart& part, State& state, std::int64_t tile, std::int64_t from, std::int64_t to,
               std::int64_t width, const Ahead& ahead) {
  const std::int64_t start = tile * kTile;
  ask(ahead, 0);
  for (std::int64_t i = from; i < to; i += kScoreQueries) {
    const int count = to - i < kScoreQueries ? static_cast<int>(to - i) : kScoreQueries;
    score_of(count, state.q + i, state.k, part.head_dim, part.scale, state.weights + i * kTile);
  }
  ask(ahead, 1);
  soften(state, from, to, start);
  ask(ahead, 2);
  for (std::int64_t i = from; i < to;) {
    const int first = first_lane(state, i, start);
    const int last = last_lane(state, i, start);
    int count = 1;
    while (count < kMixQueries && i + count < to && first_lane(state, i + count, start) == first &&
           last_lane(state, i + count, start) == last)
      ++count;
    mix_all(state, i, count, first, last, width);
    i += count;
  }
  ask(ahead, 3);
}

template <DType type>
void run_part(const AttentionPart& part) {
  State state;
  const std::int64_t width = (part.head_dim + 15) / 16 * 16;
  for (std::int64_t i = 0; i < part.queries; ++i) {
    const std::int64_t query = part.first_query + i;
    const std::int64_t row = query / part.group;
    state.q[i] = part.q + row * part.q_stride + query % part.group * part.head_dim;
    state.position[i] = part.first_position + row;
    const std::int64_t earliest = part.window > 0 ? state.position[i] - part.window + 1 : 0;
    state.earliest[i] = earliest > 0 ? earliest : 0;
    state.largest[i] = -__builtin_inff();
    Vec16::zero().store(state.sums + i * kTile);
    for (std::int64_t d = 0; d < width; d += 16) Vec16::zero().store(state.weighted + i * width + d);
  }
  // Positions grow with the query, so the queries that see a tile are neighbours.
  std::int64_t from = 0;
  std::int64_t to = 0;
  const std::int64_t last_tile = state.position[part.queries - 1] / kTile;
  for (std::int64_t tile = state.earliest[0] / kTile; tile <= last_tile; ++tile) {
    const std::int64_t start = tile * kTile;
    while (state.position[from] < start) ++from;
    while (to < part.queries && state.earliest[to] < start + kTile) ++to;
    const std::int64_t block = part.block_table[tile] * part.block_bytes;
    widen_keys<type>(part.k + block, part.head_dim, state.k);
    widen_values<type>(part.v + block, part.head_dim, width, state.v);
    const std::int64_t next = part.block_table[tile < last_tile ? tile + 1 : tile] * part.block_bytes;
    take_tile(part, state, tile, from, to, width,
              {part.k + next, part.v + next, part.head_dim * kTile * (type == DType::kF32 ? 4 : 2)});
  }
  for (std::int64_t i = 0; i < part.queries; ++i) {
    const std::int64_t query = part.first_query + i;
    float* out = part.out + query / part.group * part.out_stride + query % part.group * part.head_dim;
    const Vec16 total = Vec16::splat(sum(Vec16::load(state.sums + i * kTile)));
    for (std::int64_t d = 0; d < part.head_dim; d += 16) {
      const Vec16 value = Vec16::load(state.weighted + i * width + d) / total;
      if (part.head_dim - d >= 16)
        value.store(out + d);
      else
        value.store_first(out + d, static_cast<int>(part.head_dim - d));
    }
  }
}

void run_part_of(const AttentionPart& part) {
  switch (part.dtype) {
    case DType::kF32:
      return run_part<DType::kF32>(part);
    case DType::kF16:
      return run_part<DType::kF16>(part);
    case DType::kBf16:
      return run_part<DType::kBf16>(part);
  }
}
