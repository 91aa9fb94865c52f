// The vector bodies of the passes, the same operations as reference.cpp. Included inside the namespace of a Vec16.

namespace {

constexpr float kInfinity = __builtin_inff();

// Calls body(vector, offset, lanes) for each 16 of x[0..n); the last may have fewer lanes, the others then being
// `padding`.
template <class Body>
TROUPE_INLINE void for_each_16(const float* x, std::int64_t n, float padding, Body body) {
  const std::int64_t whole = n & ~std::int64_t{15};
  for (std::int64_t i = 0; i < whole; i += 16) body(Vec16::load(x + i), i, 16);
  const int rest = static_cast<int>(n - whole);
  if (rest != 0) body(select(lanes(0, rest), Vec16::load_first(x + whole, rest), Vec16::splat(padding)), whole, rest);
}

TROUPE_INLINE int first_lane(std::uint32_t bits) { return __builtin_ctz(bits); }

sampling::Scan scan(const float* x, std::int64_t n) {
  const Vec16 infinity = Vec16::splat(kInfinity);
  std::uint32_t ordinary = 0xffffu;  // lanes that held only numbers below infinity
  float best = -kInfinity;
  std::int64_t best_run = 0;
  for (std::int64_t run = 0; run < n; run += sampling::kRun) {
    const std::int64_t length = n - run < sampling::kRun ? n - run : sampling::kRun;
    Vec16 largest = Vec16::splat(-kInfinity);
    for_each_16(
        x + run, length, -kInfinity, [&](Vec16 v, std::int64_t, int) __attribute__((always_inline)) {
          ordinary &= bits_of(less(v, infinity));
          largest = max(v, largest);
        });
    const float run_best = maximum(largest);
    if (run_best > best) {
      best = run_best;
      best_run = run;
    }
  }
  if (ordinary != 0xffffu || best == -kInfinity) return {best, 0, true};
  std::int64_t index = best_run;
  while (x[index] != best) ++index;
  return {x[index], index, false};
}

void exponentials(const float* x, float* out, std::int64_t n, float max, float inverse_temperature) {
  const Vec16 top = Vec16::splat(max);
  const Vec16 scale = Vec16::splat(inverse_temperature);
  for_each_16(
      x, n, 0.0f, [&](Vec16 v, std::int64_t i, int count) __attribute__((always_inline)) {
        const Vec16 weight = exp((v - top) * scale);
        if (count == 16)
          weight.store(out + i);
        else
          weight.store_first(out + i, count);
      });
}

float sum_exponentials(const float* x, std::int64_t n, float max) {
  const Vec16 top = Vec16::splat(max);
  Vec16 total = Vec16::zero();
  for_each_16(
      x, n, -kInfinity, [&](Vec16 v, std::int64_t, int) __attribute__((always_inline)) {
        total = total + exp(v - top);  // the padding adds 0
      });
  return sum(total);
}

float sum_above(const float* x, std::int64_t n, float bound) {
  const Vec16 limit = Vec16::splat(bound);
  Vec16 total = Vec16::zero();
  for_each_16(
      x, n, 0.0f, [&](Vec16 v, std::int64_t, int) __attribute__((always_inline)) {
        total = total + select(less(limit, v), v, Vec16::zero());
      });
  return sum(total);
}

std::int64_t count_above(const float* x, std::int64_t n, float bound) {
  const Vec16 limit = Vec16::splat(bound);
  std::int64_t count = 0;
  for_each_16(
      x, n, -kInfinity, [&](Vec16 v, std::int64_t, int) __attribute__((always_inline)) {
        count += __builtin_popcount(bits_of(less(limit, v)));
      });
  return count;
}

std::int64_t next_above(const float* x, std::int64_t from, std::int64_t n, float bound) {
  const Vec16 limit = Vec16::splat(bound);
  for (; from + 16 <= n; from += 16) {
    const std::uint32_t above = bits_of(less(limit, Vec16::load(x + from)));
    if (above != 0) return from + first_lane(above);
  }
  while (from < n && !(x[from] > bound)) ++from;
  return from;
}

std::int64_t collect_above(const float* x, std::int64_t n, float bound, std::int32_t* ids) {
  const Vec16 limit = Vec16::splat(bound);
  std::int64_t count = 0;
  for_each_16(
      x, n, -kInfinity, [&](Vec16 v, std::int64_t i, int) __attribute__((always_inline)) {
        for (std::uint32_t above = bits_of(less(limit, v)); above != 0; above &= above - 1)
          ids[count++] = static_cast<std::int32_t>(i) + first_lane(above);
      });
  return count;
}

void drop_below(float* x, std::int64_t n, float bound) {
  const Vec16 limit = Vec16::splat(bound);
  for_each_16(
      x, n, 0.0f, [&](Vec16 v, std::int64_t i, int count) __attribute__((always_inline)) {
        const Vec16 kept = select(less(v, limit), Vec16::zero(), v);
        if (count == 16)
          kept.store(x + i);
        else
          kept.store_first(x + i, count);
      });
}

constexpr sampling::Passes kPasses{scan,        exponentials, sum_exponentials, sum_above,
                                   count_above, next_above,   collect_above,    drop_below};

}  // namespace
