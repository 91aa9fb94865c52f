#include "runtime/simulation/series.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/base/check.hpp"

namespace troupe::simulation {

void Series::set(double at, double value) {
  CHECK(at >= at_, at, at_);
  add_over(at_, at, value_);
  at_ = at;
  value_ = value;
}

void Series::add_over(double from, double to, double value) {
  CHECK(from >= 0 && to >= from, from, to);
  reach(to);
  if (value == 0 || sums_.empty()) return;
  const auto bucket_of = [this](double at) {
    return std::min(static_cast<std::size_t>(at / width_), sums_.size() - 1);
  };
  const std::size_t first = bucket_of(from), last = bucket_of(to);
  for (std::size_t bucket = first; bucket <= last; ++bucket) {
    const double begin = bucket == first ? from : width_ * static_cast<double>(bucket);
    const double end = bucket == last ? to : width_ * static_cast<double>(bucket + 1);
    sums_[bucket] += value * (end - begin);
  }
}

void Series::reach(double at) {
  end_ = std::max(end_, at);
  while (end_ > width_ * static_cast<double>(kBuckets)) widen();
  const auto buckets = static_cast<std::size_t>(std::ceil(end_ / width_));
  if (buckets > sums_.size()) sums_.resize(std::min(buckets, kBuckets));
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
  const double seconds = std::min(width_, end_ - begin);
  return seconds > 0 ? sums_[bucket] / seconds : value_;
}

double Series::mean() const {
  double sum = 0;
  for (const double part : sums_) sum += part;
  return end_ > 0 ? sum / end_ : value_;
}

}  // namespace troupe::simulation
