#include "runtime/clock/wall_clock.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace troupe::clock {
namespace {

TEST(WallClock, FormatsNanosecondsOfUtc) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(rfc3339(951'827'696'000'000'123), "2000-02-29T12:34:56.000000123Z");
  EXPECT_EQ(rfc3339(1'795'246'046'999'999'999), "2026-11-21T07:27:26.999999999Z");
}

TEST(WallClock, FormatsTimesBefore1970RoundedDown) { EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999999Z"); }

TEST(WallClock, FormatsTheFarthestTimesWithoutOverflow) {
  EXPECT_EQ(rfc3339(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(WallClock, SecondsAndNanosecondsAreOfOneClock) {
  const auto before = unix_nanoseconds() / 1'000'000'000;
  const auto seconds = unix_seconds();
  EXPECT_LE(before, seconds);
  EXPECT_LE(seconds, unix_nanoseconds() / 1'000'000'000);
}

TEST(WallClock, TheSteadyClockDoesNotGoBack) {
  const auto first = steady_now();
  EXPECT_LE(first, steady_now());
}

}  // namespace
}  // namespace troupe::clock
