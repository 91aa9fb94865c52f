#include "kernels/sampling/sampling.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "tests/unit/kernels/sampling/rows.hpp"

namespace troupe::kernels {
namespace {

constexpr float kLastUniform = 1.0f - 0x1p-24f;

SamplingParams greedy() {
  SamplingParams params;
  params.temperature = 0;
  return params;
}

TEST(Sampling, GreedyTakesTheSmallestIdAmongEqualMaxima) {
  std::vector<float> logits(5000, -3.0f);
  logits[4100] = logits[1031] = logits[77] = 2.5f;
  for (const CpuIsa isa : all_isas()) EXPECT_EQ(token_of(logits, greedy(), 0.9f, isa), 77) << to_string(isa);
}

TEST(Sampling, TopKOfOneIsGreedyAtAnyDraw) {
  const auto logits = random_logits(3000, 1, 4.0);
  SamplingParams params;
  params.top_k = 1;
  for (const float uniform : {0.0f, 0.5f, kLastUniform})
    EXPECT_EQ(token_of(logits, params, uniform), token_of(logits, greedy()));
}

TEST(Sampling, AddsTheBiasBeforeItChooses) {
  SamplingParams params = greedy();
  params.logit_bias = {{2, 5.0f}, {0, -100.0f}, {2, 1.0f}};
  EXPECT_EQ(token_of({9.0f, 3.0f, -2.5f}, params), 2);
}

TEST(Sampling, NeverDrawsWhatIsBannedEvenWithABias) {
  SamplingParams params;
  params.logit_bias = {{1, 100.0f}};
  const std::vector<float> logits{0.0f, 3.0f, 1.0f};
  const std::vector<std::int32_t> banned{1};
  SampleScratch scratch;
  for (int i = 0; i < 1000; ++i) {
    SampleRow row = row_of(logits, params, static_cast<float>(i) / 1000.0f);
    row.banned = banned;
    EXPECT_NE(sample(best_cpu_isa(), row, scratch).token, 1);
  }
}

// The greedy token once the given history has been penalised.
std::int32_t penalised(const std::vector<float>& logits, SamplingParams params, std::vector<std::int32_t> prompt,
                       std::vector<std::int32_t> generated) {
  params.temperature = 0;
  SampleRow row = row_of(logits, params);
  row.prompt = prompt;
  row.generated = generated;
  SampleScratch scratch;
  return sample(best_cpu_isa(), row, scratch).token;
}

TEST(Sampling, PresencePenaltyIsTakenOnceFromGeneratedTokensOnly) {
  SamplingParams params;
  params.presence_penalty = 1.0f;
  EXPECT_EQ(penalised({5.0f, 4.5f}, params, {0, 0}, {}), 0) << "the prompt does not count";
  EXPECT_EQ(penalised({5.0f, 4.5f}, params, {}, {0}), 1);
  EXPECT_EQ(penalised({5.75f, 4.5f}, params, {}, {0, 0, 0}), 0) << "once, however often";
}

TEST(Sampling, FrequencyPenaltyIsTakenForEachTimeGenerated) {
  SamplingParams params;
  params.frequency_penalty = 0.5f;
  EXPECT_EQ(penalised({5.0f, 3.75f}, params, {0, 0, 0}, {0, 0}), 0);
  EXPECT_EQ(penalised({5.0f, 3.75f}, params, {}, {0, 0, 0}), 1);
}

TEST(Sampling, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOfPromptAndOutputOnce) {
  SamplingParams params;
  params.repetition_penalty = 2.0f;
  EXPECT_EQ(penalised({5.0f, 2.75f}, params, {0}, {}), 1) << "5 / 2";
  EXPECT_EQ(penalised({5.0f, 2.25f}, params, {0, 0}, {0, 0}), 0) << "once, however often";
  EXPECT_EQ(penalised({-1.0f, -1.5f}, params, {}, {0}), 1) << "-1 * 2";
}

TEST(Sampling, RepetitionComesBeforeFrequencyAndPresence) {
  SamplingParams params;
  params.repetition_penalty = 2.0f;
  params.frequency_penalty = 1.0f;
  params.presence_penalty = 1.0f;
  // 8 / 2 - 1 - 1 = 2; the other order would leave (8 - 2) / 2 = 3.
  EXPECT_EQ(penalised({8.0f, 2.5f}, params, {}, {0}), 1);
}

TEST(Sampling, IgnoresIdsThatNameNoToken) {
  SamplingParams params = greedy();
  params.repetition_penalty = 2.0f;
  params.logit_bias = {{-1, 100.0f}, {3, 100.0f}, {2147483647, 1.0f}};
  const std::vector<std::int32_t> strange{-5, 3, 2147483647};
  const std::vector<float> logits{1.0f, 2.0f, 0.0f};
  SampleRow row = row_of(logits, params);
  row.prompt = row.generated = row.banned = strange;
  SampleScratch scratch;
  EXPECT_EQ(sample(best_cpu_isa(), row, scratch).token, 1);
}

TEST(Sampling, AnExtremePenaltyIsNoNumericalFault) {
  SamplingParams params = greedy();
  params.repetition_penalty = 1e-38f;
  params.logit_bias = {{1, 3e38f}};
  const std::vector<float> logits{1e5f, 3e38f, 0.0f};
  const std::vector<std::int32_t> seen{0, 1, 2};
  SampleRow row = row_of(logits, params);
  row.prompt = seen;
  SampleScratch scratch;
  EXPECT_EQ(sample(best_cpu_isa(), row, scratch).token, 0);
}

TEST(Sampling, ARowThatHoldsNoDistributionGivesNoToken) {
  const SamplingParams plain;
  for (const CpuIsa isa : all_isas()) {
    for (const float bad : {NAN, INFINITY}) {
      auto logits = random_logits(2000, 5);
      logits[1999] = bad;
      EXPECT_EQ(token_of(logits, greedy(), 0, isa), -1);
      EXPECT_EQ(token_of(logits, plain, 0.5f, isa), -1);
    }
    EXPECT_EQ(token_of(std::vector<float>(100, -INFINITY), plain, 0.5f, isa), -1);
  }
  const std::vector<float> logits{1, 2};
  const std::vector<std::int32_t> all{0, 1};
  SampleRow row = row_of(logits, plain);
  row.banned = all;
  SampleScratch scratch;
  EXPECT_EQ(sample(best_cpu_isa(), row, scratch).token, -1);
}

TEST(Sampling, ABanDoesNotHideAFault) {
  const SamplingParams params = greedy();
  const std::vector<float> logits{1.0f, NAN, 2.0f};
  const std::vector<std::int32_t> banned{1};
  SampleRow row = row_of(logits, params);
  row.banned = banned;
  SampleScratch scratch;
  EXPECT_EQ(sample(best_cpu_isa(), row, scratch).token, -1);
}

TEST(Sampling, NeverDrawsAnImpossibleToken) {
  std::vector<float> logits(3000, -INFINITY);
  logits[1500] = 1.0f;
  logits[2047] = 1.0f;
  const SamplingParams plain;
  for (const CpuIsa isa : all_isas()) {
    EXPECT_EQ(token_of(logits, plain, 0.0f, isa), 1500);
    EXPECT_EQ(token_of(logits, plain, 0.499f, isa), 1500);
    EXPECT_EQ(token_of(logits, plain, 0.501f, isa), 2047);
    EXPECT_EQ(token_of(logits, plain, kLastUniform, isa), 2047);
  }
}

TEST(Sampling, ATinyTemperatureIsGreedy) {
  const auto logits = random_logits(3000, 6);
  for (const float temperature : {1e-45f, 1e-20f, 1e-6f}) {
    SamplingParams params;
    params.temperature = temperature;
    EXPECT_EQ(token_of(logits, params, kLastUniform), token_of(logits, greedy())) << temperature;
  }
}

TEST(Sampling, DrawsFromWhatTheFiltersKeepAndFromAllOfIt) {
  const auto logits = random_logits(200, 7, 0.5);
  for (const std::int32_t top_k : {0, 3, 20}) {
    for (const float top_p : {0.3f, 0.9f, 1.0f}) {
      for (const float min_p : {0.0f, 0.05f, 0.5f, 1.0f}) {
        SamplingParams params;
        params.temperature = 1.5f;
        params.top_k = top_k;
        params.top_p = top_p;
        params.min_p = min_p;
        const auto weights = naive_weights(logits, params);
        double total = 0, before = 0;
        for (const float weight : weights) total += static_cast<double>(weight);
        // Each kept token owns the part of [0, 1) that its weight covers, in vocabulary order: its middle draws it.
        for (std::size_t id = 0; id < weights.size(); ++id) {
          const double weight = static_cast<double>(weights[id]);
          if (weight / total > 1e-5) {
            ASSERT_EQ(token_of(logits, params, static_cast<float>((before + weight / 2) / total)),
                      static_cast<std::int32_t>(id))
                << "top_k " << top_k << " top_p " << top_p << " min_p " << min_p;
          }
          before += weight;
        }
      }
    }
  }
}

TEST(Sampling, GivesTheSameTokenAndLogprobsOnEveryIsa) {
  RandomStream random(8);
  SampleScratch scratch;
  for (int round = 0; round < 300; ++round) {
    const auto logits = random_logits(1 + random.below(6000), random.next(), round % 3 == 0 ? 0.25 : 0.0);
    SamplingParams params;
    params.temperature = static_cast<float>(random.below(4)) * 0.6f;
    params.top_k = random.below(2) == 0 ? 0 : static_cast<std::int32_t>(random.below(100));
    params.top_p = random.below(2) == 0 ? 1.0f : 0.9f;
    params.min_p = random.below(2) == 0 ? 0.0f : 0.01f;
    params.repetition_penalty = random.below(2) == 0 ? 1.0f : 1.2f;
    params.logprobs = static_cast<std::int32_t>(random.below(7)) - 1;
    std::vector<std::int32_t> history;
    for (int i = 0; i < 50; ++i) history.push_back(static_cast<std::int32_t>(random.below(logits.size())));
    SampleRow row = row_of(logits, params, static_cast<float>(random.next() >> 40) * 0x1p-24f);
    row.prompt = history;
    const Sampled expected = sample(CpuIsa::kReference, row, scratch);
    ASSERT_GE(expected.token, 0);
    for (const CpuIsa isa : all_isas()) {
      const Sampled got = sample(isa, row, scratch);
      ASSERT_EQ(got.token, expected.token) << to_string(isa) << " round " << round;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got.logprob), std::bit_cast<std::uint32_t>(expected.logprob));
      ASSERT_EQ(got.rank, expected.rank);
      ASSERT_EQ(got.top.size(), expected.top.size());
      for (std::size_t i = 0; i < got.top.size(); ++i) {
        ASSERT_EQ(got.top[i].token, expected.top[i].token);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(got.top[i].logprob),
                  std::bit_cast<std::uint32_t>(expected.top[i].logprob));
      }
    }
  }
}

TEST(Sampling, NeedsNoMoreMemoryAfterTheFirstRow) {
  const auto logits = random_logits(3000, 9);
  SamplingParams params;
  params.top_p = 0.9f;
  params.top_k = 500;
  params.presence_penalty = 0.5f;
  SampleScratch scratch;
  sample(best_cpu_isa(), row_of(logits, params, 0.1f), scratch);
  const auto* weights = scratch.weights.data();
  const auto* order = scratch.order.data();
  for (int i = 0; i < 50; ++i) sample(best_cpu_isa(), row_of(logits, params, static_cast<float>(i) / 50), scratch);
  EXPECT_EQ(scratch.weights.data(), weights);
  EXPECT_EQ(scratch.order.data(), order);
}

TEST(SamplingDeathTest, RefusesADrawOutsideItsRange) {
  EXPECT_DEATH(token_of({1, 2}, SamplingParams{}, 1.0f), "uniform");
  EXPECT_DEATH(token_of({1, 2}, SamplingParams{}, NAN), "uniform");
}

}  // namespace
}  // namespace troupe::kernels
