// Percentiles of what was measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "runtime/simulation/log_histogram.hpp"

namespace troupe::simulate {

/// Between the two nearest places, linearly, as NumPy does by default. `percent` from 0 to 100; 0 for no values.
/// Infinite values count as the largest.
inline double percentile_of_sorted(std::span<const double> sorted, double percent) {
  if (sorted.empty()) return 0;
  const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  if (share == 0 || sorted[below] == sorted[above]) return sorted[below];
  return sorted[below] + (sorted[above] - sorted[below]) * share;
}

/// What a table shows of one metric.
struct Distribution {
  double p50 = 0, p90 = 0, p99 = 0, mean = 0, largest = 0;
};

inline Distribution distribution_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return {percentile_of_sorted(values, 50), percentile_of_sorted(values, 90), percentile_of_sorted(values, 99),
          sum / static_cast<double>(values.size()), values.back()};
}

inline Distribution distribution_of(const simulation::LogHistogram& counts) {
  return {counts.percentile(50), counts.percentile(90), counts.percentile(99), counts.mean(), counts.largest()};
}

}  // namespace troupe::simulate
