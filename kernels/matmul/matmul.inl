// One part of a product in registers; included by matmul_avx2.cpp and matmul_avx512.cpp inside their namespaces, after
// Vec16 and
//   kTileRows  rows whose accumulators fit the registers together with kTileVectors vectors of columns
//   kStreamRows  rows up to which a whole panel's accumulators (2 vectors a row) fit
//
// Few rows (decode): bound by reading the panel once. Weights are widened on the way into the multiply, all k in one
// go. Many rows (prefill): bound by multiply-adds. A stretch of the panel's k is widened once into a buffer that stays
// in the L1 cache, and all rows go through it, tile by tile; accumulators rest in memory between stretches, as float32,
// so the chain over k is unbroken.

constexpr std::int64_t kColumns = 32;
// k in the widened buffer: 12 KiB, so that it stays in half an L1 cache (a core's two hardware threads share one)
// beside the rows' inputs.
constexpr std::int64_t kStretch = 96;
constexpr std::int64_t kPrefetchBytes = 2048;

/// accumulators[r][0 .. 16 * vectors) continued over `count` k. b: this tile's columns at the first k.
template <DType type, int rows, int vectors, bool stream>
void tile(const float* x, std::int64_t x_stride, const std::byte* b, std::int64_t count, float* accumulators) {
  Vec16 sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[r][v] = Vec16::load(accumulators + r * kColumns + v * 16);
  for (std::int64_t k = 0; k < count; ++k) {
    constexpr std::int64_t kLine = kColumns * (type == DType::kF32 ? 4 : 2);
    if constexpr (stream) __builtin_prefetch(b + k * kLine + kPrefetchBytes);
    Vec16 w[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) w[v] = Vec16::load_as<type>(b + k * kLine + v * (kLine / 2));
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const Vec16 value = Vec16::splat(x[r * x_stride + k]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = fma(value, w[v], sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[r][v].store(accumulators + r * kColumns + v * 16);
}

/// A whole panel's columns for `rows` rows, in as many passes as the registers ask. `stream`: b comes from memory,
/// once.
template <DType type, bool stream, int rows>
void panel_rows(const float* x, std::int64_t x_stride, const std::byte* b, std::int64_t count, float* accumulators) {
  if constexpr (rows <= kStreamRows || kTileVectors == 2) {
    tile<type, rows, 2, stream>(x, x_stride, b, count, accumulators);
  } else {
    static_assert(!stream);
    constexpr std::int64_t kHalf = 16 * (type == DType::kF32 ? 4 : 2);
    tile<type, rows, 1, false>(x, x_stride, b, count, accumulators);
    tile<type, rows, 1, false>(x, x_stride, b + kHalf, count, accumulators + 16);
  }
}

template <DType type, bool stream, int rows = stream ? kStreamRows : kTileRows>
void panel_rows_of(std::int64_t wanted, const float* x, std::int64_t x_stride, const std::byte* b, std::int64_t count,
                   float* accumulators) {
  if constexpr (rows > 0) {
    if (wanted == rows) return panel_rows<type, stream, rows>(x, x_stride, b, count, accumulators);
    return panel_rows_of<type, stream, rows - 1>(wanted, x, x_stride, b, count, accumulators);
  }
}

/// All of the part's rows in tiles of nearly equal height.
void all_rows(const MatmulPart& part, const float* x, const std::byte* b, std::int64_t count, float* accumulators) {
  const std::int64_t tiles = (part.rows + kTileRows - 1) / kTileRows;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t first = part.rows * t / tiles;
    const std::int64_t rows = part.rows * (t + 1) / tiles - first;
    panel_rows_of<DType::kF32, false>(rows, x + first * part.x_stride, part.x_stride, b, count,
                                      accumulators + first * kColumns);
  }
}

/// `count` k of a panel; the lines of the stretch after it are asked for, to arrive while this one is multiplied.
template <DType type>
void widen(const std::byte* from, std::int64_t count, float* to) {
  constexpr std::int64_t kLine = kColumns * 2;
  for (std::int64_t k = 0; k < count; ++k) {
    __builtin_prefetch(from + (k + kStretch) * kLine, 0, 2);
    Vec16::load_as<type>(from + k * kLine).store(to + k * kColumns);
    Vec16::load_as<type>(from + k * kLine + kLine / 2).store(to + k * kColumns + 16);
  }
}

/// y from a panel's finished accumulators: bias, the old y, and no more columns than there are.
TROUPE_INLINE void finish(const MatmulPart& part, std::int64_t panel, const float* accumulators) {
  for (int v = 0; v < 2; ++v) {
    const std::int64_t column = panel * kColumns + v * 16;
    const std::int64_t left = part.columns - column;
    if (left <= 0) return;
    const int lanes = left < 16 ? static_cast<int>(left) : 16;
    const Vec16 bias = part.bias != nullptr ? Vec16::load_first(part.bias + column, lanes) : Vec16::zero();
    for (std::int64_t r = 0; r < part.rows; ++r) {
      Vec16 value = Vec16::load(accumulators + r * kColumns + v * 16);
      float* y = part.y + r * part.y_stride + column;
      if (part.bias != nullptr) value = value + bias;
      if (lanes == 16) {
        if (part.accumulate) value = Vec16::load(y) + value;
        value.store(y);
      } else {
        if (part.accumulate) value = Vec16::load_first(y, lanes) + value;
        value.store_first(y, lanes);
      }
    }
  }
}

template <DType type>
void run_part(const MatmulPart& part) {
  alignas(64) float accumulators[kMatmulRowsOfPart * kColumns];
  alignas(64) float widened[kStretch * kColumns];
  for (std::int64_t p = 0; p < part.panels; ++p) {
    const std::byte* panel = part.panel + p * part.panel_bytes;
    for (std::int64_t i = 0; i < part.rows * kColumns; i += 16) Vec16::zero().store(accumulators + i);
    if (part.rows <= kStreamRows) {
      panel_rows_of<type, true>(part.rows, part.x, part.x_stride, panel, part.inputs, accumulators);
    } else {
      for (std::int64_t k = 0; k < part.inputs; k += kStretch) {
        const std::int64_t count = part.inputs - k < kStretch ? part.inputs - k : kStretch;
        if constexpr (type == DType::kF32) {
          all_rows(part, part.x + k, panel + k * kColumns * 4, count, accumulators);
        } else {
          widen<type>(panel + k * kColumns * 2, count, widened);
          all_rows(part, part.x + k, reinterpret_cast<const std::byte*>(widened), count, accumulators);
        }
      }
    }
    finish(part, p, accumulators);
  }
}

void run_part_of(const MatmulPart& part) {
  switch (part.dtype) {
    case DType::kF32:
      return run_part<DType::kF32>(part);
    case DType::kF16:
      return run_part<DType::kF16>(part);
    case DType::kBf16:
      return run_part<DType::kBf16>(part);
  }
}
