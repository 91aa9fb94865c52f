#include "actors/splitwise_sim/machine_rules.hpp"

#include <gtest/gtest.h>

namespace troupe::splitwise_sim {
namespace {

/// Prompts take a millisecond a token, decode steps 10 ms whatever they hold.
perf::ProfileModel steps() {
  return perf::ProfileModel({"m", "h", 1, perf::Curve({{0, 0}, {1000, 1}}), perf::Curve({{0, 0.01}, {1000, 0.01}}),
                             perf::Curve({{1, 0.01}, {2, 0.01}})},
                            perf::DecodePricing::kAsPublished);
}

RequestFacts request(RequestIndex index, std::int64_t prompt, std::int64_t output) {
  return {index, static_cast<double>(index), prompt, output};
}

class MachineRulesTest : public testing::Test {
 protected:
  static constexpr std::int64_t kMemory = 10'000;
  perf::ProfileModel steps_ = steps();
  MachineRules rules_{steps_, {0, kMemory, 1}};

  double next_end() {
    const auto ends = rules_.take_run_ends();
    return ends.empty() ? -1 : ends.back().at;
  }
  void end_run(double at) {
    rules_.finish_run(at);
    rules_.start_next(at);
  }
};

TEST_F(MachineRulesTest, RunsDecodesTogetherUntilTheShortestIsDone) {
  rules_.submit(request(0, 1, 21), Phase::kToken, 0);
  EXPECT_DOUBLE_EQ(next_end(), 0.2);
  EXPECT_EQ(rules_.memory(), 20);
}

TEST_F(MachineRulesTest, StopsDecodesAfterTheStepInWhichAPromptArrives) {
  rules_.submit(request(0, 1, 101), Phase::kToken, 0);
  next_end();
  rules_.submit(request(1, 100, 5), Phase::kPrompt, 0.025);
  EXPECT_DOUBLE_EQ(next_end(), 0.03);
  end_run(0.03);
  EXPECT_EQ(rules_.running(), 2u);
  EXPECT_NEAR(next_end(), 0.03 + 0.101 * 1.1, 1e-12) << "a step with both costs 1.1 times its tokens as a prompt";
}

TEST_F(MachineRulesTest, LetsAPromptThatFillsAStepWaitForTheDecodes) {
  rules_.submit(request(0, 1, 101), Phase::kToken, 0);
  next_end();
  rules_.submit(request(1, 3000, 5), Phase::kPrompt, 0.025);
  EXPECT_EQ(next_end(), -1);
  end_run(1.0);
  EXPECT_EQ(rules_.running_prompts(), 1u);
}

TEST_F(MachineRulesTest, SetsDecodesAsideForAFullPromptBatchAndGoesOnAfterwards) {
  rules_.submit(request(0, 1, 101), Phase::kToken, 0);
  next_end();
  rules_.submit(request(1, 2048, 5), Phase::kPrompt, 0.025);
  EXPECT_DOUBLE_EQ(next_end(), 0.03) << "the prompt alone fits a step";
  end_run(0.03);
  EXPECT_EQ(rules_.running(), 1u);
  EXPECT_EQ(rules_.preemptions(), 1);
  const double end = next_end();
  const auto done = rules_.finish_run(end);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].phase, Phase::kPrompt);
  rules_.start_next(end);
  EXPECT_NEAR(next_end(), end + 97 * 0.01, 1e-9) << "3 of its 100 steps were done";
}

TEST_F(MachineRulesTest, RunsADecodeThatWasPassedOverFourTimesBeforePrompts) {
  rules_.submit(request(0, 1, 101), Phase::kToken, 0);
  double at = 0.005;
  for (RequestIndex i = 1; i <= 6; ++i) rules_.submit(request(i, 2048, 5), Phase::kPrompt, at);
  std::size_t prompts_first = 0;
  for (at = next_end(); prompts_first < 6; at = next_end()) {
    end_run(at);
    if (rules_.running_prompts() == 0) break;
    ++prompts_first;
  }
  // Set aside once (counted with it), then passed over three times more.
  EXPECT_EQ(prompts_first, 4u);
}

TEST_F(MachineRulesTest, HoldsAPromptBackThatDoesNotFitInMemory) {
  rules_.submit(request(0, 9000, 2), Phase::kPrompt, 0);
  next_end();
  rules_.submit(request(1, 2000, 2), Phase::kPrompt, 1);
  const auto done = rules_.finish_run(9.0);
  EXPECT_EQ(done.size(), 1u);
  rules_.start_next(9.0);
  EXPECT_EQ(rules_.running(), 0u);
  EXPECT_FALSE(rules_.take_became_free()) << "somebody waits";
  rules_.give_kv(9001);
  rules_.look_again(9.5);
  EXPECT_EQ(rules_.running_prompts(), 1u);
  EXPECT_DOUBLE_EQ(next_end(), 11.5);
}

TEST_F(MachineRulesTest, TakesKvOnlyIntoRoomThatItHas) {
  EXPECT_TRUE(rules_.take_kv(kMemory - 10));
  EXPECT_FALSE(rules_.take_kv(11));
  EXPECT_TRUE(rules_.take_kv(10));
}

TEST_F(MachineRulesTest, SaysWhenItHasNothingLeft) {
  rules_.submit(request(0, 1, 2), Phase::kToken, 0);
  EXPECT_FALSE(rules_.take_became_free());
  end_run(next_end());
  EXPECT_TRUE(rules_.take_became_free());
  EXPECT_FALSE(rules_.take_became_free()) << "said once";
}

}  // namespace
}  // namespace troupe::splitwise_sim
