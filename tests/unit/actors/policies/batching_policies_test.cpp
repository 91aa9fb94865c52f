// The policies by which one machine plans: what each chooses from a snapshot.
#include <gmock/gmock.h>

#include "actors/policies/machine_policies.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

struct Waiting {
  std::int32_t tokens;
  std::chrono::milliseconds waited = 0ms;
};

/// (number, tokens) of what runs; prompts are numbered from 1 in the order in which they came.
std::vector<std::pair<std::uint64_t, std::int32_t>> planned(const std::string& policy, std::vector<Waiting> queue,
                                                            std::int32_t budget = 100) {
  PromptBatchSnapshot snapshot{budget, {}};
  for (const auto& each : queue)
    snapshot.queue.push_back({snapshot.queue.size() + 1, RequestId{}, each.tokens + 3, 3, each.waited});
  std::vector<std::pair<std::uint64_t, std::int32_t>> shares;
  for (const auto& share : make_prompt_batch_policy(policy).value()->decide(snapshot))
    shares.emplace_back(share.number, share.tokens);
  return shares;
}

TEST(FcfsPrompts, run_in_the_order_in_which_they_came_while_they_fit) {
  EXPECT_THAT(planned("fcfs", {{60}, {30}, {20}, {5}}), ElementsAre(Pair(1, 60), Pair(2, 30)));
}

TEST(ShortestPrompts, run_before_longer_ones_that_came_earlier) {
  EXPECT_THAT(planned("shortest_first", {{60}, {30}, {20}}), ElementsAre(Pair(3, 20), Pair(2, 30)));
}

TEST(ShortestPrompts, do_not_hold_up_a_long_one_for_ever) {
  EXPECT_THAT(planned("shortest_first", {{90, 1000ms}, {30}, {20}}), ElementsAre(Pair(1, 90)));
}

TEST(ShortestPrompts, fill_what_is_left_with_a_part_of_one_that_never_fits_whole) {
  EXPECT_THAT(planned("shortest_first", {{500}, {30}}), ElementsAre(Pair(2, 30), Pair(1, 70)));
}

TEST(ShortestPrompts, of_one_length_go_in_the_order_in_which_they_came) {
  EXPECT_THAT(planned("shortest_first", {{30}, {30}, {30}, {30}}), ElementsAre(Pair(1, 30), Pair(2, 30), Pair(3, 30)));
}

TokenBatchSnapshot decoding(const std::vector<std::int32_t>& tokens) {
  TokenBatchSnapshot snapshot;
  for (const auto each : tokens) {
    DecodingSequence sequence;
    sequence.number = snapshot.sequences.size() + 1;
    sequence.prompt_tokens = each - 1;
    sequence.generated = 1;
    snapshot.sequences.push_back(sequence);
  }
  return snapshot;
}

TEST(NewestFirst, takes_the_blocks_of_whoever_came_last_and_lets_all_run) {
  const auto policy = make_token_batch_policy("newest_first").value();
  EXPECT_EQ(policy->choose_victim(decoding({5, 90, 40})), 3u);
  EXPECT_THAT(policy->choose_batch(decoding({5, 90, 40})), ElementsAre(1, 2, 3));
}

TEST(CheapestFirst, takes_the_blocks_of_whoever_has_the_fewest_tokens_to_run_again) {
  const auto policy = make_token_batch_policy("cheapest_first").value();
  EXPECT_EQ(policy->choose_victim(decoding({50, 20, 40})), 2u);
  EXPECT_EQ(policy->choose_victim(decoding({20, 20, 40})), 2u) << "of equals the newest";
  EXPECT_EQ(policy->choose_victim(decoding({20})), 1u);
}

AdmissionSnapshot waiting(const std::vector<std::chrono::milliseconds>& times) {
  AdmissionSnapshot snapshot;
  for (const auto each : times)
    snapshot.waiting.push_back({snapshot.waiting.size() + 1, RequestId{}, 10, 10, false, each});
  return snapshot;
}

TEST(FcfsAdmission, takes_the_first_and_refuses_nobody) {
  const auto admission = make_admission_policy("fcfs").value()->decide(waiting({9000ms, 10ms}));
  EXPECT_EQ(admission.next, 1u);
  EXPECT_THAT(admission.refused, IsEmpty());
}

TEST(ShedLate, refuses_those_whose_first_token_is_late_and_takes_the_next) {
  const auto policy = make_admission_policy("shed_late", {{500ms, 100ms}}).value();
  const auto admission = policy->decide(waiting({900ms, 501ms, 500ms, 10ms}));
  EXPECT_EQ(admission.next, 3u);
  ASSERT_THAT(admission.refused, SizeIs(2));
  EXPECT_EQ(admission.refused[1].number, 2u);
  EXPECT_THAT(admission.refused[1].reason, testing::HasSubstr("500 ms"));
}

TEST(ShedLate, never_refuses_one_that_has_made_tokens) {
  auto snapshot = waiting({9000ms});
  snapshot.waiting[0].begun = true;
  const auto admission = make_admission_policy("shed_late").value()->decide(snapshot);
  EXPECT_EQ(admission.next, 1u);
  EXPECT_THAT(admission.refused, IsEmpty());
}

TEST(MachinePolicies, are_none_where_the_planners_rules_are_named) {
  EXPECT_FALSE(make_machine_policies({"fcfs", "newest_first", "fcfs"}, {}).value().any());
}

TEST(MachinePolicies, each_name_that_configuration_takes_makes_a_policy) {
  for (const auto& prompts : prompt_batch_policy_names())
    for (const auto& tokens : token_batch_policy_names())
      for (const auto& admission : admission_policy_names())
        EXPECT_TRUE(make_machine_policies({prompts, tokens, admission}, {}).ok());
}

TEST(MachinePolicies, a_wrong_name_is_refused_with_the_nearest_of_its_kind) {
  const auto refused = make_machine_policies({"fcfs", "newest_first", "shed_lite"}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, testing::HasSubstr("did you mean \"shed_late\"?"));
}

}  // namespace
}  // namespace troupe::policies
