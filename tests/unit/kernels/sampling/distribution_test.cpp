// The draws follow the distribution: chi-square over fixed seeds, drawn the way the device draws them.
#include <gtest/gtest.h>

#include "tests/unit/kernels/sampling/rows.hpp"

namespace troupe::kernels {
namespace {

constexpr int kDraws = 40000;

// Pearson's statistic of kDraws tokens against softmax(logits / temperature) cut by naive_weights, and its degrees of
// freedom. Tokens expected fewer than 5 times are taken together.
struct ChiSquare {
  double statistic = 0;
  double freedom = -1;
};

ChiSquare chi_square(const std::vector<float>& logits, const SamplingParams& params, std::uint64_t seed) {
  std::vector<int> counts(logits.size());
  SampleScratch scratch;
  for (int i = 0; i < kDraws; ++i) {
    const DrawPoint point{seed + static_cast<std::uint64_t>(i / 200), static_cast<std::uint64_t>(i % 2),
                          static_cast<std::uint64_t>(i % 200 / 2)};
    const Sampled sampled = sample(best_cpu_isa(), row_of(logits, params, uniform_draw(point)), scratch);
    ++counts[static_cast<std::size_t>(sampled.token)];
  }
  const auto weights = naive_weights(logits, params);
  double total = 0;
  for (const float weight : weights) total += static_cast<double>(weight);
  ChiSquare result;
  double rare_expected = 0, rare_seen = 0;
  const auto add = [&](double seen, double expected) {
    result.statistic += (seen - expected) * (seen - expected) / expected;
    ++result.freedom;
  };
  for (std::size_t id = 0; id < counts.size(); ++id) {
    const double expected = kDraws * static_cast<double>(weights[id]) / total;
    if (expected == 0) {
      EXPECT_EQ(counts[id], 0) << "a token that was cut";
    }
    if (expected >= 5) {
      add(counts[id], expected);
    } else {
      rare_expected += expected;
      rare_seen += counts[id];
    }
  }
  if (rare_expected > 1) add(rare_seen, rare_expected);
  return result;
}

// Wilson and Hilferty's approximation of the 99.99% quantile.
double bound(double freedom) {
  const double a = 2 / (9 * freedom);
  return freedom * std::pow(1 - a + 3.72 * std::sqrt(a), 3);
}

TEST(SamplingDistribution, FollowsTheSoftmaxAtEachTemperature) {
  const auto logits = random_logits(100, 1);
  for (const float temperature : {0.7f, 1.0f, 2.0f}) {
    SamplingParams params;
    params.temperature = temperature;
    const ChiSquare result = chi_square(logits, params, 42);
    EXPECT_GT(result.freedom, 3);
    EXPECT_LT(result.statistic, bound(result.freedom)) << "temperature " << temperature;
  }
}

TEST(SamplingDistribution, KeepsProportionsAmongWhatTheFiltersKeep) {
  const auto logits = random_logits(3000, 2);
  for (int which = 0; which < 3; ++which) {
    SamplingParams params;
    params.temperature = 2.0f;
    if (which == 0) params.top_k = 30;
    if (which == 1) params.top_p = 0.8f;
    if (which == 2) params.min_p = 0.2f;
    const ChiSquare result = chi_square(logits, params, 7);
    EXPECT_GT(result.freedom, 3);
    EXPECT_LT(result.statistic, bound(result.freedom)) << which;
  }
}

TEST(SamplingDistribution, WouldNoticeAWrongTemperature) {
  // The bound above means something only if a slightly different distribution breaks it.
  const auto logits = random_logits(100, 1);
  SamplingParams params;
  params.temperature = 1.0f;
  auto sharper = logits;
  for (float& logit : sharper) logit *= 1.05f;
  const auto weights = naive_weights(logits, params);
  const auto other = naive_weights(sharper, params);
  double total = 0, other_total = 0, distance = 0, freedom = -1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    total += static_cast<double>(weights[i]);
    other_total += static_cast<double>(other[i]);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = static_cast<double>(weights[i]) / total, q = static_cast<double>(other[i]) / other_total;
    if (p * kDraws < 5) continue;
    distance += kDraws * (p - q) * (p - q) / p;
    ++freedom;
  }
  EXPECT_GT(distance, bound(freedom));
}

}  // namespace
}  // namespace troupe::kernels
