// A quantity over virtual time, kept in bounded memory however long the run: buckets that grow wider as time goes on.
#pragma once

#include <cstddef>
#include <vector>

namespace troupe::simulation {

/// A step function of time, as its mean in each of at most kBuckets buckets of equal width. The width doubles, and
/// neighbours merge, whenever time outgrows the buckets. Times are seconds, from 0. Either set() it as time goes on, or
/// add up parts with add_over() in any order.
class Series {
 public:
  static constexpr std::size_t kBuckets = 512;

  /// The quantity was larger by `value` between the two times.
  void add_over(double from, double to, double value);
  /// The quantity is `value` from `at` on. `at` must not go back.
  void set(double at, double value);
  /// The quantity changes by `change` at `at`.
  void add(double at, double change) { set(at, value_ + change); }
  /// Nothing more comes: the quantity keeps its value until `at`.
  void finish(double at) { set(at, value_); }

  double value() const { return value_; }
  /// Seconds that a bucket covers.
  double width() const { return width_; }
  /// How many buckets time has reached.
  std::size_t size() const;
  /// The mean over one bucket, the last one over the part that time has reached.
  double mean_at(std::size_t bucket) const;
  /// The mean over all time.
  double mean() const;

 private:
  void reach(double at);
  void widen();

  double width_ = 1e-3;
  double end_ = 0;  // the latest time that was spoken of
  double at_ = 0;   // of the last set()
  double value_ = 0;
  std::vector<double> sums_;  // value times seconds, for each bucket
};

}  // namespace troupe::simulation
