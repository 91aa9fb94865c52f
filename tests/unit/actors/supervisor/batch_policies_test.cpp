// Machines that plan by policies: whatever these choose, every request gets its tokens and every block comes home.
#include <gmock/gmock.h>

#include "actors/policies/cheapest_first.hpp"
#include "actors/policies/fcfs_admission.hpp"
#include "actors/policies/fcfs_prompts.hpp"
#include "actors/policies/newest_first.hpp"
#include "actors/policies/shed_late.hpp"
#include "actors/policies/shortest_prompts.hpp"
#include "tests/unit/actors/supervisor/serving_fixture.hpp"

namespace troupe {
namespace {

using policies::MachinePolicies;
using testing::ElementsAreArray;

/// Answers with anything: numbers that are there, that are not, twice, none; shares of any size.
class Wild final : public policies::PromptBatchPolicy,
                   public policies::TokenBatchPolicy,
                   public policies::AdmissionPolicy {
 public:
  explicit Wild(std::uint64_t seed) : random_(seed) {}
  std::vector<policies::PromptShare> decide(const policies::PromptBatchSnapshot& snapshot) override {
    std::vector<policies::PromptShare> shares;
    for (std::uint64_t i = random_.below(6); i > 0; --i)
      shares.push_back({snapshot.queue[random_.below(snapshot.queue.size())].number + random_.below(2),
                        static_cast<std::int32_t>(random_.below(200)) - 50});
    return shares;
  }
  std::vector<std::uint64_t> choose_batch(const policies::TokenBatchSnapshot& snapshot) override {
    std::vector<std::uint64_t> run;
    for (std::uint64_t i = random_.below(8); i > 0; --i) run.push_back(choose_victim(snapshot));
    return run;
  }
  std::uint64_t choose_victim(const policies::TokenBatchSnapshot& snapshot) override {
    return snapshot.sequences[random_.below(snapshot.sequences.size())].number + random_.below(2);
  }
  policies::Admission decide(const policies::AdmissionSnapshot& snapshot) override {
    policies::Admission admission;
    if (random_.below(4) > 0) admission.next = snapshot.waiting[random_.below(snapshot.waiting.size())].number;
    return admission;
  }

 private:
  RandomStream random_;
};

/// 30 requests on a machine that is too small for them, a third of them given up at random moments: each ends once,
/// with the tokens of its prompt.
void run_seed(std::uint64_t seed, std::function<MachinePolicies()> policies) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed);
  ServingOptions options;
  options.seed = seed;
  options.device.blocks = 12 + static_cast<std::int32_t>(random.below(40));
  options.max_batch_tokens = random.below(2) == 0 ? 48 : 2048;
  options.prompt_tokens_beside_decodes = random.below(2) == 0 ? 16 : 512;
  options.token_limits.max_running = 2 + static_cast<std::int32_t>(random.below(30));
  options.policies = std::move(policies);
  Serving serving(options);
  std::vector<Submitted> requests;
  for (int i = 0; i < 30; ++i) {
    requests.push_back(
        serving.submit(Serving::spec(Serving::prompt(1 + static_cast<std::int32_t>(random.below(100)), random.next()),
                                     1 + static_cast<std::int32_t>(random.below(60)))));
    std::uint64_t messages = random.below(200);
    serving.system.run([&] { return messages-- == 0; });
    if (random.below(3) == 0) caf::anon_send(requests.back().actor, CancelCompletion{requests.back().spec->id});
  }
  serving.system.run();
  for (const auto& request : requests) {
    ASSERT_EQ(request.answer->ends.size(), 1u);
    EXPECT_TRUE(request.answer->contiguous);
    auto expected = Serving::expected(*request.spec);
    if (request.end().reason != FinishReason::kLength) {
      EXPECT_EQ(request.end().reason, FinishReason::kCancelled);
      expected.resize(request.answer->tokens.size());
    }
    EXPECT_THAT(request.answer->tokens, ElementsAreArray(expected));
  }
  serving.expect_all_blocks_free();
}

void run_seeds(std::uint64_t seeds, const std::function<MachinePolicies(std::uint64_t seed)>& policies) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    run_seed(seed, [&] { return policies(seed); });
    if (testing::Test::HasFailure()) FAIL() << "first failing seed: " << seed;
  }
}

TEST(BatchPolicies, the_planners_own_rules_hold_up_as_policies_that_are_asked) {
  run_seeds(25, [](std::uint64_t) {
    return MachinePolicies{std::make_shared<policies::FcfsPrompts>(), std::make_shared<policies::NewestFirst>(),
                           std::make_shared<policies::FcfsAdmission>()};
  });
}

TEST(BatchPolicies, other_orders_change_no_token_and_leak_no_block) {
  run_seeds(25, [](std::uint64_t) {
    return MachinePolicies{std::make_shared<policies::ShortestPrompts>(), std::make_shared<policies::CheapestFirst>(),
                           nullptr};
  });
}

TEST(BatchPolicies, whatever_a_policy_answers_no_request_is_lost_changed_or_stuck) {
  run_seeds(40, [](std::uint64_t seed) {
    return MachinePolicies{std::make_shared<Wild>(seed), std::make_shared<Wild>(seed + 1),
                           std::make_shared<Wild>(seed + 2)};
  });
}

/// Which of the requests got their first tokens, in that order, on a machine that runs 32 prompt tokens a step.
std::vector<std::size_t> order_of_first_tokens(std::shared_ptr<policies::PromptBatchPolicy> policy,
                                               const std::vector<std::int32_t>& lengths) {
  ServingOptions options;
  options.max_batch_tokens = 32;
  options.device.blocks = 200;
  options.policies = [policy] { return MachinePolicies{policy, nullptr, nullptr}; };
  Serving serving(options);
  std::vector<Submitted> requests;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    requests.push_back(serving.submit(Serving::spec(Serving::prompt(lengths[i], i), 2)));
  std::vector<std::size_t> order;
  serving.system.run([&] {
    for (std::size_t i = 0; i < requests.size(); ++i)
      if (!requests[i].answer->tokens.empty() && std::find(order.begin(), order.end(), i) == order.end())
        order.push_back(i);
    return false;
  });
  return order;
}

TEST(BatchPolicies, the_prompt_actor_runs_prompts_in_its_policys_order) {
  EXPECT_THAT(order_of_first_tokens(nullptr, {200, 160, 20}), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(order_of_first_tokens(std::make_shared<policies::ShortestPrompts>(), {200, 160, 20}),
              testing::ElementsAre(2, 1, 0));
}

/// One sequence after the other, the one that came last to its end first.
class LastAlone final : public policies::TokenBatchPolicy {
 public:
  std::vector<std::uint64_t> choose_batch(const policies::TokenBatchSnapshot& snapshot) override {
    return {snapshot.sequences.back().number};
  }
  std::uint64_t choose_victim(const policies::TokenBatchSnapshot& snapshot) override {
    return snapshot.sequences.front().number;
  }
};

TEST(BatchPolicies, the_token_actor_runs_who_its_policy_chooses) {
  ServingOptions options;
  options.policies = [] { return MachinePolicies{nullptr, std::make_shared<LastAlone>(), nullptr}; };
  Serving serving(options);
  const auto first = serving.submit(Serving::spec(Serving::prompt(10, 1), 30));
  const auto last = serving.submit(Serving::spec(Serving::prompt(10, 2), 30));
  serving.system.run([&] { return last.ended() || first.ended(); });
  EXPECT_TRUE(last.ended());
  EXPECT_LT(first.answer->tokens.size(), 10u);
  serving.system.run();
  EXPECT_TRUE(first.ended());
}

TEST(BatchPolicies, the_token_actor_preempts_whom_its_policy_names) {
  const auto preempted = [](std::shared_ptr<policies::TokenBatchPolicy> policy) {
    ServingOptions options;
    options.device.blocks = 12;  // 192 positions for two sequences of at most 190
    options.policies = [policy] { return MachinePolicies{nullptr, policy, nullptr}; };
    Serving serving(options);
    const auto small = serving.submit(Serving::spec(Serving::prompt(10, 1), 100));
    const auto large = serving.submit(Serving::spec(Serving::prompt(90, 2), 100));
    serving.system.run([&] { return small.ended() || large.ended(); });
    const bool large_first = large.ended();
    serving.system.run();
    EXPECT_GT(serving.state().machines[0].tokens.preemptions, 0);
    serving.expect_all_blocks_free();
    return large_first ? "small" : "large";
  };
  EXPECT_STREQ(preempted(nullptr), "large") << "the newest";
  EXPECT_STREQ(preempted(std::make_shared<policies::CheapestFirst>()), "small");
}

TEST(BatchPolicies, a_request_that_its_policy_refuses_is_told_to_come_again) {
  using namespace std::chrono_literals;
  ServingOptions options;
  options.device.blocks = 8;
  options.device.cost = [](const device::Step&) { return 10ms; };
  options.policies = [] {
    return MachinePolicies{nullptr, nullptr,
                           std::make_shared<policies::ShedLate>(policies::AdmissionSettings{{100ms, 100ms}})};
  };
  Serving serving(options);
  const auto first = serving.submit(Serving::spec(Serving::prompt(100, 1), 28));  // all blocks, for 280 ms
  const auto late = serving.submit(Serving::spec(Serving::prompt(60, 2), 60));
  serving.system.run();
  EXPECT_EQ(first.end().reason, FinishReason::kLength);
  ASSERT_TRUE(late.ended());
  EXPECT_EQ(late.end().reason, FinishReason::kError);
  ASSERT_TRUE(late.end().error);
  EXPECT_EQ(late.end().error->code, ErrorCode::kOverloaded);
  EXPECT_THAT(late.end().error->message, testing::HasSubstr("slo.ttft"));
  serving.expect_all_blocks_free();
}

}  // namespace
}  // namespace troupe
