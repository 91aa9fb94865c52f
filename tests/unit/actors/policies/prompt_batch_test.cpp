#include "actors/policies/prompt_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::policies {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::int32_t> plan(std::vector<std::int32_t> remaining, std::int32_t budget = 2048) {
  return plan_prompt_batch(remaining, budget);
}

TEST(PromptBatch, prompts_join_in_order_while_they_fit) {
  EXPECT_THAT(plan({1000, 1000, 48, 1}), ElementsAre(1000, 1000, 48));
}

TEST(PromptBatch, a_prompt_that_does_not_fit_waits_and_is_not_overtaken) {
  EXPECT_THAT(plan({1500, 600, 10}), ElementsAre(1500));
}

TEST(PromptBatch, a_prompt_longer_than_the_budget_runs_in_chunks) {
  EXPECT_THAT(plan({5000}), ElementsAre(2048));
  EXPECT_THAT(plan({904, 1000}), ElementsAre(904, 1000));
}

TEST(PromptBatch, the_first_is_cut_to_whatever_budget_is_left) { EXPECT_THAT(plan({100, 5}, 64), ElementsAre(64)); }

TEST(PromptBatch, nothing_waiting_gives_an_empty_batch) { EXPECT_THAT(plan({}), IsEmpty()); }

}  // namespace
}  // namespace troupe::policies
