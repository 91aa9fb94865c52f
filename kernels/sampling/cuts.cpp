#include "kernels/sampling/cuts.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace troupe::kernels::sampling {
namespace {

// Where to look for the cut first: models put nearly all probability on few tokens. The last bound takes every positive
// weight.
constexpr float kBounds[] = {0x1p-7f, 0x1p-14f, 0x1p-21f, 0x1p-28f, 0.0f};

// A weight's exponent and 5 bits of its mantissa: positive floats are ordered as their bits are. 1.0 falls in the last
// bucket.
constexpr int kShift = 18;
constexpr std::uint32_t kBuckets = (std::bit_cast<std::uint32_t>(1.0f) >> kShift) + 1;

std::uint32_t bucket_of(float weight) { return std::min(std::bit_cast<std::uint32_t>(weight) >> kShift, kBuckets - 1); }

// The order of likelihood, which is total.
struct Likelier {
  const float* weights;
  bool operator()(std::int32_t a, std::int32_t b) const {
    return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
  }
};

using Ids = std::span<std::int32_t>;

Ids ids_above(const Passes& passes, const float* weights, std::int64_t n, float bound,
              std::vector<std::int32_t>& order) {
  order.resize(std::max(order.size(), static_cast<std::size_t>(n)));
  return {order.data(), static_cast<std::size_t>(passes.collect_above(weights, n, bound, order.data()))};
}

Ids only_bucket(const float* weights, Ids ids, std::uint32_t bucket) {
  return {ids.begin(),
          std::remove_if(ids.begin(), ids.end(), [&](std::int32_t id) { return bucket_of(weights[id]) != bucket; })};
}

// Drops everything that comes after `last` in the order of likelihood.
void cut_after(const Passes& passes, float* weights, std::int64_t n, std::int32_t last) {
  const float bound = weights[last];
  passes.drop_below(weights, last + std::int64_t{1}, bound);
  passes.drop_below(weights + last + 1, n - last - 1, std::nextafter(bound, 2.0f));
}

// In 16 lanes, which the compiler can take side by side; their rounding is far below a float32 weight's.
double mass_of(const float* weights, std::int64_t n) {
  double lanes[16] = {};
  const std::int64_t whole = n & ~std::int64_t{15};
  for (std::int64_t i = 0; i < whole; i += 16)
    for (std::int64_t lane = 0; lane < 16; ++lane) lanes[lane] += static_cast<double>(weights[i + lane]);
  for (std::int64_t i = whole; i < n; ++i) lanes[i - whole] += static_cast<double>(weights[i]);
  double mass = 0;
  for (const double lane : lanes) mass += lane;
  return mass;
}

double mass_of(const float* weights, Ids ids) {
  double mass = 0;
  for (const std::int32_t id : ids) mass += static_cast<double>(weights[id]);
  return mass;
}

}  // namespace

void keep_largest(const Passes& passes, float* weights, std::int64_t n, std::int64_t k,
                  std::vector<std::int32_t>& order) {
  const float* bound = kBounds;
  while (*bound > 0 && passes.count_above(weights, n, *bound) < k) ++bound;
  Ids ids = ids_above(passes, weights, n, *bound, order);
  if (*bound == 0 && static_cast<std::int64_t>(ids.size()) <= k) return;

  std::int32_t counts[kBuckets] = {};
  for (const std::int32_t id : ids) ++counts[bucket_of(weights[id])];
  std::uint32_t bucket = kBuckets - 1;
  std::int64_t above = 0;
  while (above + counts[bucket] < k) above += counts[bucket--];
  ids = only_bucket(weights, ids, bucket);
  const auto last = ids.begin() + (k - above - 1);
  std::nth_element(ids.begin(), last, ids.end(), Likelier{weights});
  cut_after(passes, weights, n, *last);
}

void keep_nucleus(const Passes& passes, float* weights, std::int64_t n, float share, std::vector<std::int32_t>& order) {
  const double wanted = mass_of(weights, n) * static_cast<double>(share);
  Ids ids;
  for (const float bound : kBounds) {
    // A quick look in float32 first; what decides is the sum in double.
    if (bound > 0 && static_cast<double>(passes.sum_above(weights, n, bound)) < wanted) continue;
    ids = ids_above(passes, weights, n, bound, order);
    if (bound == 0 || (!ids.empty() && mass_of(weights, ids) >= wanted)) break;
  }
  if (ids.empty()) return;

  double mass[kBuckets] = {};
  std::uint32_t lowest = kBuckets;
  for (const std::int32_t id : ids) {
    const std::uint32_t bucket = bucket_of(weights[id]);
    mass[bucket] += static_cast<double>(weights[id]);
    lowest = std::min(lowest, bucket);
  }
  double above = 0;
  std::uint32_t bucket = kBuckets - 1;
  while (bucket > lowest && (mass[bucket] == 0 || above + mass[bucket] < wanted)) above += mass[bucket--];
  ids = only_bucket(weights, ids, bucket);
  std::sort(ids.begin(), ids.end(), Likelier{weights});
  std::int32_t last = ids.front();
  for (const std::int32_t id : ids) {
    last = id;
    above += static_cast<double>(weights[id]);
    if (above >= wanted) break;
  }
  cut_after(passes, weights, n, last);
}

}  // namespace troupe::kernels::sampling
