#include "runtime/simulation/log_histogram.hpp"

#include <gtest/gtest.h>

namespace troupe::simulation {
namespace {

TEST(LogHistogram, HasNoPercentilesOfNothing) {
  const LogHistogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.percentile(99), 0);
  EXPECT_EQ(none.mean(), 0);
}

TEST(LogHistogram, TellsPercentilesWithinHalfAPercent) {
  LogHistogram gaps;
  for (int i = 1; i <= 1000; ++i) gaps.add(i * 1e-3);
  EXPECT_NEAR(gaps.percentile(50), 0.5, 0.5 * 0.005);
  EXPECT_NEAR(gaps.percentile(90), 0.9, 0.9 * 0.005);
  EXPECT_NEAR(gaps.percentile(99), 0.99, 0.99 * 0.005);
  EXPECT_NEAR(gaps.mean(), 0.5005, 1e-9);
  EXPECT_EQ(gaps.largest(), 1.0);
}

TEST(LogHistogram, NeverTellsMoreThanTheLargest) {
  LogHistogram one;
  one.add(0.03);
  for (const double percent : {0.0, 50.0, 100.0}) {
    EXPECT_LE(one.percentile(percent), 0.03);
    EXPECT_NEAR(one.percentile(percent), 0.03, 0.03 * 0.005);
  }
}

TEST(LogHistogram, KeepsWhatIsOutOfItsRange) {
  LogHistogram wide;
  wide.add(0);
  wide.add(1e12);
  EXPECT_EQ(wide.count(), 2u);
  EXPECT_EQ(wide.percentile(50), 0);
  EXPECT_EQ(wide.largest(), 1e12);
}

}  // namespace
}  // namespace troupe::simulation
