#include "runtime/simulation/series.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace troupe::simulation {

void Series::set(double at, double value) {
  CHECK(at >= at_, at, at_);
  while (at > width_ * static_cast<double>(kBuckets)) widen();
  if (at > at_) {
    sums_.resize(std::max(sums_.size(), std::min(kBuckets, static_cast<std::size_t>(at / width_) + 1)));
    auto bucket = std::min(static_cast<std::size_t>(at_ / width_), sums_.size() - 1);
    for (double from = at_; from < at; ++bucket) {
      const bool last = bucket + 1 == sums_.size();
      const double to = last ? at : std::min(at, width_ * static_cast<double>(bucket + 1));
      if (to > from) sums_[bucket] += value_ * (to - from);
      from = std::max(from, to);
      if (last) break;
    }
    at_ = at;
  }
  value_ = value;
  peak_ = std::max(peak_, value);
}

void Series::widen() {
  width_ *= 2;
  for (std::size_t i = 0; 2 * i < sums_.size(); ++i)
    sums_[i] = sums_[2 * i] + (2 * i + 1 < sums_.size() ? sums_[2 * i + 1] : 0.0);
  sums_.resize((sums_.size() + 1) / 2);
}

std::size_t Series::size() const { return sums_.size(); }

double Series::mean_at(std::size_t bucket) const {
  const double begin = width_ * static_cast<double>(bucket);
  const double seconds = std::min(width_, at_ - begin);
  return seconds > 0 ? sums_[bucket] / seconds : value_;
}

double Series::mean() const {
  double sum = 0;
  for (const double part : sums_) sum += part;
  return at_ > 0 ? sum / at_ : value_;
}

}  // namespace troupe::simulation
