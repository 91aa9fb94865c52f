#include "kernels/sampling/logprobs.hpp"

#include <gtest/gtest.h>

#include "tests/unit/kernels/sampling/rows.hpp"

namespace troupe::kernels {
namespace {

std::vector<double> exact_logprobs(const std::vector<float>& logits) {
  const double max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit) - max);
  std::vector<double> logprobs;
  for (const float logit : logits) logprobs.push_back(static_cast<double>(logit) - max - std::log(total));
  return logprobs;
}

TEST(Logprobs, AreTheLogSoftmaxOfTheRawLogits) {
  SampleScratch scratch;
  for (const std::size_t vocab : {1u, 7u, 1000u, 49152u}) {
    const auto logits = random_logits(vocab, vocab);
    const auto exact = exact_logprobs(logits);
    for (std::size_t token = 0; token < vocab; token += 1 + vocab / 5) {
      const Sampled result = logprobs_of(best_cpu_isa(), logits.data(), static_cast<std::int32_t>(vocab),
                                         static_cast<std::int32_t>(token), 0, scratch);
      EXPECT_EQ(result.token, static_cast<std::int32_t>(token));
      EXPECT_NEAR(static_cast<double>(result.logprob), exact[token], 2e-6) << vocab;
      EXPECT_TRUE(result.top.empty());
    }
  }
}

TEST(Logprobs, RankAndTopFollowTheLogitsWithTiesBySmallerId) {
  SampleScratch scratch;
  for (const double grain : {0.0, 1.0, 100.0}) {
    const auto logits = random_logits(3001, 3, grain);
    const auto order = by_value(logits);
    for (const CpuIsa isa : all_isas()) {
      for (const std::size_t rank : {1u, 2u, 20u, 1500u, 3001u}) {
        const Sampled result = logprobs_of(isa, logits.data(), 3001, order[rank - 1], 20, scratch);
        EXPECT_EQ(result.rank, static_cast<std::int32_t>(rank)) << to_string(isa) << grain;
        ASSERT_EQ(result.top.size(), 20u);
        for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(result.top[i].token, order[i]) << to_string(isa) << grain;
        if (rank <= 20) {
          EXPECT_EQ(result.top[rank - 1].logprob, result.logprob);
        }
      }
    }
  }
}

TEST(Logprobs, ReportNoMoreAlternativesThanTheVocabularyHas) {
  const std::vector<float> logits{1, 3, 2};
  SampleScratch scratch;
  const Sampled result = logprobs_of(best_cpu_isa(), logits.data(), 3, 0, 20, scratch);
  ASSERT_EQ(result.top.size(), 3u);
  EXPECT_EQ(result.top[0].token, 1);
  EXPECT_EQ(result.top[2].token, 0);
  double total = 0;
  for (const TokenLogprob& one : result.top) total += std::exp(static_cast<double>(one.logprob));
  EXPECT_NEAR(total, 1.0, 1e-6);
}

TEST(Logprobs, OfASampledTokenIgnorePenaltiesTemperatureAndFilters) {
  const std::vector<float> logits{2.0f, 1.0f, 0.0f};
  const auto exact = exact_logprobs(logits);
  SamplingParams params;
  params.temperature = 0.1f;
  params.top_k = 2;
  params.logprobs = 3;
  params.logit_bias = {{2, 50.0f}};
  SampleScratch scratch;
  const Sampled result = sample(best_cpu_isa(), row_of(logits, params, 0.5f), scratch);
  EXPECT_EQ(result.token, 2);
  EXPECT_EQ(result.rank, 3);
  EXPECT_NEAR(static_cast<double>(result.logprob), exact[2], 1e-6);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.top[i].token, static_cast<std::int32_t>(i));
    EXPECT_NEAR(static_cast<double>(result.top[i].logprob), exact[i], 1e-6);
  }
}

TEST(Logprobs, OfAnImpossibleTokenAreMinusInfinity) {
  const std::vector<float> logits{2.0f, -INFINITY, 2.0f};
  SampleScratch scratch;
  const Sampled result = logprobs_of(best_cpu_isa(), logits.data(), 3, 1, 3, scratch);
  EXPECT_EQ(result.logprob, -INFINITY);
  EXPECT_EQ(result.rank, 3);
  EXPECT_NEAR(static_cast<double>(result.top[0].logprob), -std::log(2.0), 1e-7);
}

TEST(Logprobs, OfARowWithoutADistributionNameNoToken) {
  SampleScratch scratch;
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const std::vector<float> logits(50, bad);
    EXPECT_EQ(logprobs_of(best_cpu_isa(), logits.data(), 50, 0, 5, scratch).token, -1);
  }
}

TEST(NaturalLog, AgreesWithTheLibraryToTheLastBits) {
  RandomStream random(1);
  EXPECT_EQ(sampling::natural_log(1.0), 0.0);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::exp2(random.unit() * (i % 2 == 0 ? 20.0 : 0.01));
    EXPECT_NEAR(sampling::natural_log(x), std::log(x), 1e-15 + 4e-16 * std::log(x)) << x;
  }
}

}  // namespace
}  // namespace troupe::kernels
