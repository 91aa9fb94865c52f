#include "actors/policies/slo_aware.hpp"

#include <gmock/gmock.h>

namespace troupe::policies {
namespace {

/// Runs 1000 prompt tokens a second; a step takes 20 ms and 1 ms more for each sequence.
MachineView machine(std::uint32_t id, Role role) {
  MachineView view;
  view.id = MachineId{id};
  view.node = NodeId{id};
  view.role = role;
  view.kv_positions = 100'000;
  view.prompt_tokens_per_s = 1000;
  view.pace = DecodePace{0.020, 0.001};
  return view;
}

MachineView with_prompts(MachineView view, std::int64_t tokens) {
  view.pending_prompt_tokens = tokens;
  view.pending_prompts = tokens > 0;
  return view;
}

MachineView with_running(MachineView view, std::int64_t sequences) {
  view.running = sequences;
  return view;
}

/// A prompt of 100 tokens, objectives of 1 s and 100 ms.
RoutingDecision decide(std::vector<MachineView> machines) {
  RoutingSnapshot snapshot;
  snapshot.prompt_tokens = 100;
  snapshot.max_tokens = 50;
  snapshot.machines = std::move(machines);
  return SloAware().decide(snapshot);
}

void expect_on(const RoutingDecision& decision, std::uint32_t prompt, std::uint32_t token) {
  EXPECT_EQ(decision.prompt_machine, MachineId{prompt}) << decision.reason;
  EXPECT_EQ(decision.token_machine, MachineId{token}) << decision.reason;
}

TEST(SloAware, leaves_the_pools_alone_while_all_objectives_are_met) {
  expect_on(decide({with_prompts(machine(0, Role::kPrompt), 300), with_running(machine(1, Role::kToken), 10)}), 0, 1);
}

TEST(SloAware, draws_a_token_machine_with_slack_in_when_the_first_token_would_be_late) {
  const auto token = with_running(machine(1, Role::kToken), 10);  // 30 ms a token, of 100
  expect_on(decide({with_prompts(machine(0, Role::kPrompt), 400), token}), 0, 1);
  expect_on(decide({with_prompts(machine(0, Role::kPrompt), 1500), token}), 1, 1);
}

TEST(SloAware, does_not_draw_in_a_machine_whose_sequences_have_no_slack) {
  const auto token = with_running(machine(1, Role::kToken), 110);  // 130 ms a token, of 100
  EXPECT_EQ(decide({with_prompts(machine(0, Role::kPrompt), 1500), token}).prompt_machine, MachineId{0});
}

TEST(SloAware, gives_tokens_to_an_idle_prompt_machine_when_the_token_pool_is_too_slow) {
  const auto decision = decide({machine(0, Role::kPrompt), with_running(machine(1, Role::kToken), 90)});
  EXPECT_EQ(decision.token_machine, MachineId{0}) << decision.reason;
}

TEST(SloAware, measures_queues_in_seconds_and_not_in_tokens) {
  auto fast = with_prompts(machine(0, Role::kPrompt), 2000);
  fast.prompt_tokens_per_s = 10'000;
  expect_on(decide({fast, with_prompts(machine(1, Role::kPrompt), 600), machine(2, Role::kToken)}), 0, 2);
}

TEST(SloAware, puts_a_request_that_is_late_anywhere_behind_others_that_are) {
  const auto token = with_running(machine(3, Role::kToken), 110);  // no slack to draw it in
  const auto decision =
      decide({with_prompts(machine(0, Role::kPrompt), 1200), with_prompts(machine(1, Role::kPrompt), 9000),
              with_prompts(machine(2, Role::kPrompt), 60'000), token});
  EXPECT_EQ(decision.prompt_machine, MachineId{1}) << decision.reason;
  EXPECT_THAT(decision.reason, testing::HasSubstr("late wherever it goes"));
}

TEST(SloAware, puts_no_request_behind_more_than_ten_objectives) {
  const auto token = with_running(machine(2, Role::kToken), 110);  // no slack to draw it in
  const auto behind = [&](std::int64_t tokens) {
    return decide(
               {with_prompts(machine(0, Role::kPrompt), 1200), with_prompts(machine(1, Role::kPrompt), tokens), token})
               .prompt_machine == MachineId{1};
  };
  EXPECT_TRUE(behind(9800));
  EXPECT_FALSE(behind(10'100));
}

TEST(SloAware, puts_the_late_ones_where_there_is_memory_for_them) {
  auto full = with_prompts(machine(1, Role::kPrompt), 9000);
  full.kv_free = 5000;
  const auto token = with_running(machine(2, Role::kToken), 110);
  const auto decision = decide({with_prompts(machine(0, Role::kPrompt), 1200), full, token});
  EXPECT_EQ(decision.prompt_machine, MachineId{0}) << decision.reason;
}

TEST(SloAware, levels_decodes_past_the_objective_too) {
  expect_on(decide({with_running(machine(0, Role::kMixed), 200), with_running(machine(1, Role::kMixed), 199)}), 1, 1);
}

TEST(SloAware, takes_no_machine_for_prompts_because_its_sequences_are_late_anyway) {
  const auto slow = with_prompts(with_running(machine(0, Role::kMixed), 100), 900);
  const auto in_time = with_running(machine(1, Role::kMixed), 70);
  EXPECT_EQ(decide({slow, in_time}).prompt_machine, MachineId{1});
}

TEST(SloAware, where_no_machine_has_memory_the_one_that_lacks_least_is_taken) {
  auto lacks_much = machine(1, Role::kToken);
  lacks_much.kv_free = -40'000;
  auto lacks_some = with_running(machine(2, Role::kToken), 60);
  lacks_some.kv_free = 2000;
  auto prompt = machine(0, Role::kPrompt);
  prompt.kv_free = -50'000;
  EXPECT_EQ(decide({prompt, lacks_much, lacks_some}).token_machine, MachineId{2});
}

TEST(SloAware, takes_the_shortest_queue_where_all_are_late_beyond_measure) {
  const auto token = with_running(machine(2, Role::kToken), 110);
  expect_on(
      decide({with_prompts(machine(0, Role::kPrompt), 70'000), with_prompts(machine(1, Role::kPrompt), 60'000), token}),
      1, 2);
}

TEST(SloAware, takes_machines_for_alike_that_differ_by_the_noise_of_measuring) {
  auto seems_faster = with_running(machine(1, Role::kToken), 20);
  seems_faster.pace = DecodePace{0.018, 0.0009};
  expect_on(decide({machine(0, Role::kPrompt), seems_faster, with_running(machine(2, Role::kToken), 19)}), 0, 2);
}

TEST(SloAware, levels_sequences_even_where_they_seem_to_cost_nothing) {
  auto first = with_running(machine(1, Role::kToken), 20), second = with_running(machine(2, Role::kToken), 19);
  first.pace = second.pace = DecodePace{0.040, 0};
  expect_on(decide({machine(0, Role::kPrompt), first, second}), 0, 2);
}

TEST(SloAware, passes_over_a_machine_without_room_for_the_kv) {
  auto full = machine(1, Role::kToken);
  full.kv_free = 50;
  expect_on(decide({machine(0, Role::kPrompt), full, with_running(machine(2, Role::kToken), 20)}), 0, 2);
}

TEST(SloAware, orders_by_queues_where_nothing_was_measured) {
  std::vector<MachineView> machines = {with_prompts(machine(0, Role::kPrompt), 300), machine(1, Role::kPrompt),
                                       with_running(machine(2, Role::kToken), 9), machine(3, Role::kToken)};
  for (auto& each : machines) {
    each.prompt_tokens_per_s.reset();
    each.pace.reset();
  }
  expect_on(decide(machines), 1, 3);
}

TEST(SloAware, an_objective_that_a_prompt_cannot_meet_alone_gives_way_to_one_that_it_can) {
  RoutingSnapshot snapshot;
  snapshot.prompt_tokens = 5000;  // 5 s alone
  snapshot.machines = {with_prompts(machine(0, Role::kPrompt), 2000), machine(1, Role::kPrompt),
                       machine(2, Role::kToken)};
  const auto decision = SloAware().decide(snapshot);
  expect_on(decision, 1, 2);
  EXPECT_LT(decision.prompt_candidates[1].score, 0.1);
}

TEST(SloAware, objectives_by_slowdown_are_the_longer_the_prompt_the_later) {
  RoutingSettings settings;
  settings.slo.ttft = std::chrono::milliseconds{1};
  settings.slo.ttft_slowdown = 4;
  const auto on_time = [&](std::int32_t prompt_tokens) {
    RoutingSnapshot snapshot;
    snapshot.prompt_tokens = prompt_tokens;
    snapshot.machines = {with_prompts(machine(0, Role::kPrompt), 1000)};  // a second
    return SloAware(settings).decide(snapshot).prompt_candidates[0].score < 0.5;
  };
  EXPECT_FALSE(on_time(100)) << "eleven times what it takes alone";
  EXPECT_TRUE(on_time(1000)) << "twice";
}

/// The share of first tokens in time on four prompt machines that get a tenth more than they can do, for 30 s. Their
/// token machine has no slack.
double in_time(RoutingPolicy& policy) {
  constexpr double kBetween = 1.0 / 44, kTokens = 100, kPerSecond = 1000;
  std::vector<double> pending(4, 0);
  int asked = 0, good = 0;
  for (double time = 0; time < 30; time += kBetween) {
    RoutingSnapshot snapshot;
    snapshot.prompt_tokens = static_cast<std::int32_t>(kTokens);
    for (std::uint32_t i = 0; i < 4; ++i) {
      pending[i] = std::max(0.0, pending[i] - kBetween * kPerSecond);
      snapshot.machines.push_back(with_prompts(machine(i, Role::kPrompt), static_cast<std::int64_t>(pending[i])));
    }
    snapshot.machines.push_back(with_running(machine(4, Role::kToken), 110));
    auto& queue = pending.at(policy.decide(snapshot).prompt_machine.value);
    queue += kTokens;
    ++asked;
    good += queue <= 1.0 * kPerSecond;
  }
  return static_cast<double>(good) / asked;
}

TEST(SloAware, keeps_most_in_time_under_an_overload_that_makes_splitwise_late_with_nearly_all) {
  SloAware ours;
  const auto splitwise = make_routing_policy("splitwise").value();
  EXPECT_GT(in_time(ours), 0.7);
  EXPECT_LT(in_time(*splitwise), 0.5);
}

}  // namespace
}  // namespace troupe::policies
