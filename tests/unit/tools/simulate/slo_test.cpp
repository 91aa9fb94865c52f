#include "tools/simulate/slo.hpp"

#include <gtest/gtest.h>

#include "tools/simulate/percentiles.hpp"

namespace troupe::simulate {
namespace {

using simulation::RequestOutcome;
using simulation::RequestStatus;

/// A prompt takes 1 ms a token, a gap 10 ms.
perf::ProfileCurves reference() {
  return {"m",
          "h",
          1,
          perf::Curve({{0, 0}, {1000, 1}}),
          perf::Curve({{0, 0.01}, {1000, 0.01}}),
          perf::Curve({{1, 0.01}, {2, 0.01}})};
}

RequestOutcome request(double ttft, double e2e) {
  RequestOutcome out;
  out.prompt_tokens = 100;  // alone: 0.1 s, then 10 gaps of 0.01 s
  out.output_tokens = 11;
  out.ttft_s = ttft;
  out.e2e_s = e2e;
  out.status = RequestStatus::kFinished;
  return out;
}

TEST(Percentiles, LieBetweenTheNearestPlaces) {
  const std::vector<double> sorted{1, 2, 3, 5};
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 50), 2.5);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 100), 5);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 90), 4.4);
  EXPECT_DOUBLE_EQ(percentile_of_sorted({}, 50), 0);
}

TEST(TimeBetweenTokens, CountsGapsOrTokens) {
  EXPECT_DOUBLE_EQ(time_between_tokens(request(1, 12), TbtRule::kPerGap), 1.1);
  EXPECT_DOUBLE_EQ(time_between_tokens(request(1, 12), TbtRule::kPerToken), 1);
}

TEST(CheckSlos, MeasuresSlowdownsOverARequestAlone) {
  const std::vector<RequestOutcome> requests(10, request(0.15, 0.31));
  const auto report = check_slos(requests, reference(), {}, TbtRule::kPerGap);
  ASSERT_EQ(report.checks.size(), 9u);
  EXPECT_NEAR(report.checks[0].slowdown, 1.5, 1e-9) << "TTFT";
  EXPECT_NEAR(report.checks[3].slowdown, 1.6, 1e-9) << "TBT";
  EXPECT_NEAR(report.checks[6].slowdown, 1.55, 1e-9) << "E2E";
  EXPECT_TRUE(report.checks[0].holds());
  EXPECT_FALSE(report.checks[3].holds()) << "1.25 at P50";
  EXPECT_FALSE(report.checks[4].holds()) << "1.5 at P90";
  EXPECT_TRUE(report.checks[5].holds());
  EXPECT_FALSE(report.all_hold());
  EXPECT_EQ(report.holding(), 5u);
  EXPECT_EQ(report.within, 1.0);
}

TEST(CheckSlos, TakesAnUnfinishedRequestForInfinitelySlow) {
  std::vector<RequestOutcome> requests(50, request(0.1, 0.2));
  requests[7].status = RequestStatus::kUnfinished;
  const auto report = check_slos(requests, reference(), {}, TbtRule::kPerGap);
  EXPECT_TRUE(report.checks[1].holds());
  EXPECT_FALSE(report.checks[2].holds()) << "one in fifty is over the 99th percentile";
  EXPECT_NEAR(report.within, 0.98, 1e-9);
}

}  // namespace
}  // namespace troupe::simulate
