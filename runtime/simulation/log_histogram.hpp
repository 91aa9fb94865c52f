// Percentiles of many durations in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::simulation {

/// Counts values in buckets, each 1 % wider than the one before, from a nanosecond to some thirty years: percentiles
/// are within 0.5 % of the value, mean and largest are exact. 32 KiB, once there is a value.
class LogHistogram {
 public:
  /// `seconds` of 0 or below count as less than a nanosecond, which percentile() gives as 0.
  void add(double seconds);

  std::uint64_t count() const { return count_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double largest() const { return largest_; }
  /// The value that `percent` (0 to 100) of the values do not exceed, at least one of them; 0 where there are none.
  double percentile(double percent) const;

 private:
  std::vector<std::uint64_t> buckets_;  // the first: below a nanosecond
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double largest_ = 0;
};

}  // namespace troupe::simulation
