#include "actors/policies/splitwise.hpp"

#include <gmock/gmock.h>

namespace troupe::policies {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Load {
  std::int64_t prompt_tokens = 0;
  std::int64_t tokens = 0;
  std::optional<std::int64_t> kv_free = {};
};

MachineView machine(std::uint32_t id, Role role, Load load = {}) {
  MachineView view;
  view.id = MachineId{id};
  view.node = NodeId{id};
  view.role = role;
  view.pending_prompt_tokens = load.prompt_tokens;
  view.pending_tokens = load.tokens;
  view.kv_positions = 10'000;
  view.kv_free = load.kv_free;
  return view;
}

RoutingDecision decide(std::vector<MachineView> machines, const RoutingSettings& settings = {}) {
  RoutingSnapshot snapshot;
  snapshot.prompt_tokens = 100;
  snapshot.max_tokens = 50;
  snapshot.machines = std::move(machines);
  return Splitwise(settings).decide(snapshot);
}

void expect_on(const RoutingDecision& decision, std::uint32_t prompt, std::uint32_t token) {
  EXPECT_EQ(decision.prompt_machine, MachineId{prompt}) << decision.reason;
  EXPECT_EQ(decision.token_machine, MachineId{token}) << decision.reason;
}

constexpr std::int64_t kPast = 8193;

TEST(Splitwise, joins_the_shortest_queue_of_each_pool_by_pending_tokens) {
  const auto decision = decide({machine(0, Role::kPrompt, {500}), machine(1, Role::kPrompt, {400}),
                                machine(2, Role::kToken, {0, 90}), machine(3, Role::kToken, {0, 80})});
  expect_on(decision, 1, 3);
  EXPECT_THAT(decision.prompt_candidates, SizeIs(2));
  EXPECT_THAT(decision.token_candidates, SizeIs(2));
  EXPECT_THAT(decision.reason, HasSubstr("shortest queue of the prompt pool"));
  EXPECT_THAT(decision.reason, HasSubstr("shortest queue of the token pool"));
}

TEST(Splitwise, overflows_to_the_mixed_pool_past_the_threshold) {
  expect_on(decide({machine(0, Role::kPrompt, {8192}), machine(1, Role::kToken), machine(2, Role::kMixed)}), 0, 1);
  const auto past = decide({machine(0, Role::kPrompt, {kPast}), machine(1, Role::kToken), machine(2, Role::kMixed)});
  expect_on(past, 2, 2);
  EXPECT_THAT(past.reason, HasSubstr("past its threshold of 8192 pending prompt tokens: prompt to the mixed pool"));
}

TEST(Splitwise, takes_its_threshold_from_the_settings) {
  RoutingSettings settings;
  settings.overflow_prompt_tokens = 99;
  expect_on(decide({machine(0, Role::kPrompt, {100}), machine(1, Role::kToken), machine(2, Role::kMixed)}, settings), 2,
            2);
}

TEST(Splitwise, only_the_machines_past_the_threshold_are_passed_over) {
  expect_on(decide({machine(0, Role::kPrompt, {kPast}), machine(1, Role::kPrompt, {8000, 9000}),
                    machine(2, Role::kToken), machine(3, Role::kMixed)}),
            1, 2);
}

TEST(Splitwise, draws_in_the_token_machine_with_the_least_to_do_when_the_mixed_pool_is_past_the_threshold_too) {
  const auto decision = decide({machine(0, Role::kPrompt, {kPast}), machine(1, Role::kMixed, {kPast}),
                                machine(2, Role::kToken, {0, 500}), machine(3, Role::kToken, {0, 400})});
  expect_on(decision, 3, 3);
  EXPECT_THAT(decision.reason, HasSubstr("a token machine is drawn in for the prompt"));
}

TEST(Splitwise, draws_in_a_token_machine_where_none_is_mixed) {
  expect_on(decide({machine(0, Role::kPrompt, {kPast}), machine(1, Role::kToken)}), 1, 1);
}

TEST(Splitwise, a_machine_that_was_drawn_in_takes_the_next_prompts_before_another_is) {
  const auto decision = decide(
      {machine(0, Role::kPrompt, {kPast}), machine(1, Role::kToken, {700, 900}), machine(2, Role::kToken, {0, 100})});
  expect_on(decision, 1, 1);
  EXPECT_THAT(decision.reason, HasSubstr("prompt to the mixed pool"));
}

TEST(Splitwise, a_machine_that_was_drawn_in_returns_without_draining) {
  // It still has foreign prompts, and its own pool's work as well: the prompt pool has room again and gets the prompts.
  const auto decision = decide({machine(0, Role::kPrompt, {8000}), machine(1, Role::kToken, {700, 900})});
  expect_on(decision, 0, 1);
}

TEST(Splitwise, when_every_machine_is_past_the_threshold_the_shortest_queue_takes_the_prompt) {
  const auto decision = decide({machine(0, Role::kPrompt, {kPast + 9}), machine(1, Role::kMixed, {kPast + 5}),
                                machine(2, Role::kToken, {kPast + 7})});
  expect_on(decision, 1, 1);
  EXPECT_THAT(decision.reason, HasSubstr("every machine is past the threshold"));
}

TEST(Splitwise, tokens_overflow_to_the_mixed_pool_where_token_machines_lack_kv_room) {
  // 100 prompt tokens and a reserve of 10 % of 10 000 positions.
  expect_on(decide({machine(0, Role::kPrompt), machine(1, Role::kToken, {0, 0, 1100}), machine(2, Role::kMixed)}), 0,
            1);
  const auto full = decide(
      {machine(0, Role::kPrompt), machine(1, Role::kToken, {0, 0, 1099}), machine(2, Role::kMixed, {0, 0, 5000})});
  expect_on(full, 0, 2);
  EXPECT_THAT(full.reason, HasSubstr("the token pool has no room for the KV: tokens to the mixed pool"));
}

TEST(Splitwise, draws_in_a_prompt_machine_for_both_phases_where_no_other_has_kv_room) {
  const auto decision = decide({machine(0, Role::kPrompt, {50}), machine(1, Role::kPrompt, {60}),
                                machine(2, Role::kToken, {0, 0, 0}), machine(3, Role::kMixed, {0, 0, 0})});
  expect_on(decision, 0, 0);
  EXPECT_THAT(decision.reason, HasSubstr("a prompt machine is drawn in for both phases"));
}

TEST(Splitwise, a_prompt_machine_that_makes_tokens_already_takes_the_next_before_another_is_drawn_in) {
  expect_on(
      decide({machine(0, Role::kPrompt), machine(1, Role::kPrompt, {0, 40}), machine(2, Role::kToken, {0, 0, 0})}), 1,
      1);
}

TEST(Splitwise, where_nobody_has_kv_room_a_token_machine_keeps_the_request_waiting) {
  const auto decision = decide({machine(0, Role::kPrompt, {0, 0, 5}), machine(1, Role::kToken, {0, 80, 5}),
                                machine(2, Role::kToken, {0, 70, 5})});
  expect_on(decision, 0, 2);
  EXPECT_THAT(decision.reason, HasSubstr("no machine has room for the KV now"));
}

TEST(Splitwise, a_mixed_machine_without_kv_room_runs_the_prompt_for_a_token_machine) {
  expect_on(
      decide({machine(0, Role::kPrompt, {kPast}), machine(1, Role::kMixed, {0, 0, 10}), machine(2, Role::kToken)}), 1,
      2);
}

TEST(Splitwise, one_mixed_machine_serves_both_phases) {
  expect_on(decide({machine(7, Role::kMixed, {100'000, 0, 0})}), 7, 7);
}

TEST(Splitwise, without_a_token_machine_tokens_are_the_mixed_pools) {
  expect_on(decide({machine(0, Role::kPrompt), machine(1, Role::kMixed)}), 0, 1);
}

TEST(Splitwise, an_empty_pool_leaves_the_other_to_do_all) {
  expect_on(decide({machine(4, Role::kToken, {0, 5}), machine(5, Role::kToken, {0, 3})}), 5, 5);
  expect_on(decide({machine(4, Role::kPrompt, {2}), machine(5, Role::kPrompt, {3})}), 4, 4);
}

/// One prompt and one token machine that are measured: 1000 tokens/s each, 1 MB/s between them, 1 kB of KV a token.
RoutingSnapshot measured(std::int64_t running_on_token_machine) {
  RoutingSnapshot snapshot;
  snapshot.prompt_tokens = 100;
  snapshot.kv_bytes_per_token = 1000;
  snapshot.machines = {machine(0, Role::kPrompt), machine(1, Role::kToken)};
  for (auto& each : snapshot.machines) each.prompt_tokens_per_s = 1000;
  snapshot.machines[1].running = running_on_token_machine;
  snapshot.links = {{NodeId{0}, NodeId{1}, std::chrono::milliseconds{1}, 1e6, 0}};
  return snapshot;
}

/// KV travels in one piece, when its prompt has run.
RoutingSettings when_it_pays() {
  RoutingSettings settings;
  settings.split = Split::kWhenItPays;
  settings.layer_groups = 1;
  return settings;
}

TEST(Splitwise, splits_always_unless_told_to_weigh_it) { expect_on(Splitwise().decide(measured(0)), 0, 1); }

TEST(Splitwise, keeps_a_prompt_on_an_idle_token_machine_when_a_split_does_not_pay) {
  const auto decision = Splitwise(when_it_pays()).decide(measured(0));
  expect_on(decision, 1, 1);
  EXPECT_THAT(decision.reason,
              HasSubstr("a split does not pay: 201.0 ms (of which transfer 101.0 ms, 0.10 MB at 1 MB/s) "
                        "against 100.0 ms beside 0 sequences"));
}

TEST(Splitwise, splits_where_the_prompt_would_hold_up_many) {
  const auto decision = Splitwise(when_it_pays()).decide(measured(5));
  expect_on(decision, 0, 1);
  EXPECT_THAT(decision.reason, HasSubstr("a split pays: 201.0 ms"));
}

TEST(Splitwise, a_mixed_machine_that_holds_up_fewer_runs_both_phases_of_what_is_not_split) {
  auto snapshot = measured(1);
  snapshot.machines.push_back(machine(2, Role::kMixed));
  expect_on(Splitwise(when_it_pays()).decide(snapshot), 2, 2);
  snapshot.machines[2].running = 4;
  expect_on(Splitwise(when_it_pays()).decide(snapshot), 1, 1);
}

TEST(Splitwise, splits_what_it_cannot_weigh) {
  auto snapshot = measured(0);
  snapshot.links.clear();
  const auto decision = Splitwise(when_it_pays()).decide(snapshot);
  expect_on(decision, 0, 1);
  EXPECT_THAT(decision.reason, HasSubstr("the link has not been measured"));
}

}  // namespace
}  // namespace troupe::policies
