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
}

TEST(Series, GrowsCoarserInsteadOfLonger) {
  Series series;
  for (int second = 0; second < 5000; ++second) series.set(second, second % 2 * 2);
  series.finish(5000);
  EXPECT_LE(series.size(), Series::kBuckets);
  EXPECT_NEAR(series.mean(), 1, 1e-6);
  EXPECT_NEAR(series.mean_at(series.size() / 2), 1, 0.3);
}

TEST(Series, AddsUpPartsInAnyOrder) {
  Series forward, backward;
  for (int i = 0; i < 1000; ++i) forward.add_over(i * 0.01, i * 0.01 + 0.5, i % 7);
  for (int i = 1000; i-- > 0;) backward.add_over(i * 0.01, i * 0.01 + 0.5, i % 7);
  ASSERT_EQ(forward.size(), backward.size());
  for (std::size_t i = 0; i < forward.size(); ++i) EXPECT_NEAR(forward.mean_at(i), backward.mean_at(i), 1e-6) << i;
  EXPECT_GT(forward.mean(), 0);
}

TEST(Series, AddsChangesToTheValue) {
  Series series;
  series.add(1, 3);
  series.add(2, -1);
  EXPECT_EQ(series.value(), 2);
}

}  // namespace
}  // namespace troupe::simulation
