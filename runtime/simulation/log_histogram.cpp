#include "runtime/simulation/log_histogram.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/base/check.hpp"

namespace troupe::simulation {
namespace {

constexpr double kLeast = 1e-9;
constexpr double kWidth = 1.01;
constexpr std::size_t kBuckets = 4165;  // log(1e18) / log(kWidth), and the one below kLeast

}  // namespace

void LogHistogram::add(double seconds) {
  CHECK(std::isfinite(seconds), seconds);
  if (buckets_.empty()) buckets_.resize(kBuckets);
  ++count_;
  sum_ += seconds;
  largest_ = std::max(largest_, seconds);
  std::size_t bucket = 0;
  if (seconds >= kLeast)
    bucket = std::min(1 + static_cast<std::size_t>(std::log(seconds / kLeast) / std::log(kWidth)), kBuckets - 1);
  ++buckets_[bucket];
}

double LogHistogram::percentile(double percent) const {
  CHECK(percent >= 0 && percent <= 100, percent);
  if (count_ == 0) return 0;
  const double wanted = std::max(1.0, percent / 100 * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (static_cast<double>(seen) < wanted) continue;
    if (bucket == 0) return 0;
    // The bucket's geometric middle: at most half a width from any value in it.
    return std::min(kLeast * std::pow(kWidth, static_cast<double>(bucket) - 0.5), largest_);
  }
  return largest_;
}

}  // namespace troupe::simulation
