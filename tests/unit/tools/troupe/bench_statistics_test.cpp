#include "tools/troupe/bench_statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

BenchSample good(double start, double ttft, std::vector<double> gaps, std::uint64_t output_tokens) {
  BenchSample sample;
  sample.ok = true;
  sample.start = start;
  sample.ttft = ttft;
  sample.latency = ttft;
  for (const double gap : gaps) sample.latency += gap;
  sample.gaps = std::move(gaps);
  sample.input_tokens = 10;
  sample.output_tokens = output_tokens;
  return sample;
}

BenchSample bad() {
  BenchSample sample;
  sample.error = "refused";
  sample.input_tokens = 1000;
  sample.ttft = 1000;
  return sample;
}

TEST(Percentile, InterpolatesAsNumpyDoes) {
  const std::vector<double> values{1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(percentile(values, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(values, 50), 2.5);
  EXPECT_DOUBLE_EQ(percentile(values, 99), 3.97);
  EXPECT_DOUBLE_EQ(percentile(values, 100), 4);
  EXPECT_DOUBLE_EQ(percentile(std::vector<double>{7}, 99), 7);
  EXPECT_DOUBLE_EQ(percentile({}, 50), 0);
}

TEST(Describe, GivesMillisecondsOfUnsortedSeconds) {
  const auto out = describe({0.003, 0.001, 0.002}, std::vector<double>{50, 100});
  EXPECT_DOUBLE_EQ(out.mean, 2);
  EXPECT_DOUBLE_EQ(out.median, 2);
  EXPECT_THAT(out.stddev, DoubleNear(0.81649658, 1e-6)) << "of the whole, not of a sample: as numpy";
  EXPECT_THAT(out.percentiles, ElementsAre(DoubleNear(2, 1e-12), DoubleNear(3, 1e-12)));
}

TEST(Describe, IsZeroWithoutValues) {
  EXPECT_THAT(describe({}, std::vector<double>{99}).percentiles, ElementsAre(0.0));
}

TEST(TimePerOutputToken, LeavesTheFirstTokenOut) {
  EXPECT_DOUBLE_EQ(*time_per_output_token(good(0, 1, {0.5, 0.5}, 6)), 0.2);
  EXPECT_FALSE(time_per_output_token(good(0, 1, {}, 1)).has_value());
  EXPECT_FALSE(time_per_output_token(good(0, 1, {}, 0)).has_value());
}

TEST(Summarise, CountsOnlyWhatSucceeded) {
  const auto out = summarise(std::vector<BenchSample>{good(0, 0.5, {0.5, 0.5}, 3), bad(), good(1, 1.5, {}, 1)}, 4,
                             std::vector<double>{99}, {});
  EXPECT_EQ(out.completed, 2u);
  EXPECT_EQ(out.failed, 1u);
  EXPECT_EQ(out.input_tokens, 20u);
  EXPECT_EQ(out.output_tokens, 4u);
  EXPECT_DOUBLE_EQ(out.request_throughput, 0.5);
  EXPECT_DOUBLE_EQ(out.output_throughput, 1.0);
  EXPECT_DOUBLE_EQ(out.total_throughput, 6.0);
  EXPECT_FALSE(out.request_goodput.has_value());
  EXPECT_DOUBLE_EQ(out.ttft.mean, 1000);
  EXPECT_DOUBLE_EQ(out.tpot.mean, 500);
  EXPECT_DOUBLE_EQ(out.itl.median, 500);
  EXPECT_DOUBLE_EQ(out.e2el.mean, 1500);
}

TEST(Summarise, CallsARequestGoodWhereItKeepsEveryBound) {
  const std::vector<BenchSample> samples{good(0, 0.1, {0.2}, 2), good(0, 0.3, {0.01}, 2), good(0, 0.1, {0.01}, 2)};
  const auto rate = [&](Goodput bounds) { return *summarise(samples, 1, {}, bounds).request_goodput; };
  EXPECT_DOUBLE_EQ(rate({.ttft_ms = 200, .tpot_ms = {}, .e2el_ms = {}}), 2);
  EXPECT_DOUBLE_EQ(rate({.ttft_ms = 200, .tpot_ms = 50, .e2el_ms = {}}), 1);
  EXPECT_DOUBLE_EQ(rate({.ttft_ms = {}, .tpot_ms = {}, .e2el_ms = 1}), 0);
}

TEST(Summarise, SpreadsTokensOverTheirPiecesForTheBestSecond) {
  // Two pieces of three tokens each in the first second, one in the second.
  const auto out = summarise(std::vector<BenchSample>{good(0, 0.2, {0.2, 1.0}, 9)}, 2, {}, {});
  EXPECT_DOUBLE_EQ(out.peak_output_throughput, 6);
  EXPECT_GE(out.peak_output_throughput, out.output_throughput);
}

TEST(Summarise, CountsRequestsThatOverlapAndNotThoseThatTouch) {
  const auto peak = [](std::vector<BenchSample> samples) { return summarise(samples, 1, {}, {}).peak_concurrency; };
  EXPECT_EQ(peak({good(0, 1, {}, 1), good(1, 1, {}, 1)}), 1u);
  EXPECT_EQ(peak({good(0, 1, {}, 1), good(0.9, 1, {}, 1), good(0.95, 1, {}, 1)}), 3u);
  EXPECT_EQ(peak({}), 0u);
}

TEST(Summarise, SurvivesNothingAtAll) {
  const auto out = summarise({}, 0, std::vector<double>{99}, {.ttft_ms = 1, .tpot_ms = {}, .e2el_ms = {}});
  EXPECT_EQ(out.completed, 0u);
  EXPECT_EQ(out.request_throughput, 0);
  EXPECT_EQ(*out.request_goodput, 0);
}

}  // namespace
}  // namespace troupe
