#include "runtime/simulation/series.hpp"

#include <gtest/gtest.h>

namespace troupe::simulation {
namespace {

TEST(Series, KeepsTheMeanOfEachBucketAndOfAllTime) {
  Series series;
  series.set(0, 4);
  series.set(0.0015, 0);
  series.finish(0.003);
  ASSERT_GE(series.size(), 3u);
  EXPECT_NEAR(series.mean_at(0), 4, 1e-9);
  EXPECT_NEAR(series.mean_at(1), 2, 1e-9);
  EXPECT_NEAR(series.mean_at(2), 0, 1e-9);
  EXPECT_NEAR(series.mean(), 2, 1e-9);
  EXPECT_EQ(series.peak(), 4);
}

TEST(Series, GrowsCoarserInsteadOfLonger) {
  Series series;
  for (int second = 0; second < 5000; ++second) series.set(second, second % 2 * 2);
  series.finish(5000);
  EXPECT_LE(series.size(), Series::kBuckets);
  EXPECT_NEAR(series.mean(), 1, 1e-6);
  EXPECT_NEAR(series.mean_at(series.size() / 2), 1, 0.3);
}

TEST(Series, AddsChangesToTheValue) {
  Series series;
  series.add(1, 3);
  series.add(2, -1);
  EXPECT_EQ(series.value(), 2);
}

}  // namespace
}  // namespace troupe::simulation
