#include "actors/policies/routing_policy.hpp"

#include <gtest/gtest.h>

namespace troupe::policies {
namespace {

MachineView machine(std::uint32_t id, Role role, std::int64_t prompt_tokens = 0, std::int64_t tokens = 0,
                    std::int64_t running = 0) {
  MachineView view;
  view.id = MachineId{id};
  view.role = role;
  view.pending_prompt_tokens = prompt_tokens;
  view.pending_prompts = prompt_tokens > 0 ? 1 : 0;
  view.pending_tokens = tokens;
  view.running = running;
  return view;
}

RoutingDecision decide(const std::string& policy, std::vector<MachineView> machines) {
  RoutingSnapshot snapshot;
  snapshot.machines = std::move(machines);
  return make_routing_policy(policy).value()->decide(snapshot);
}

TEST(RoundRobin, takes_the_machines_in_turn) {
  auto policy = make_routing_policy("round_robin").value();
  RoutingSnapshot snapshot;
  snapshot.machines = {machine(0, Role::kMixed, 999), machine(1, Role::kMixed), machine(2, Role::kMixed)};
  for (const std::uint32_t expected : {0u, 1u, 2u, 0u})
    EXPECT_EQ(policy->decide(snapshot).prompt_machine, MachineId{expected});
}

TEST(LeastLoaded, counts_requests_and_not_tokens) {
  const auto decision =
      decide("least_loaded", {machine(0, Role::kMixed, 0, 10, 3), machine(1, Role::kMixed, 0, 10000, 2)});
  EXPECT_EQ(decision.token_machine, MachineId{1});
}

TEST(LeastLoaded, gives_tokens_to_a_mixed_machine_where_there_is_no_token_machine) {
  const auto decision = decide("least_loaded", {machine(0, Role::kPrompt), machine(1, Role::kMixed, 9, 9, 1)});
  EXPECT_EQ(decision.prompt_machine, MachineId{0});
  EXPECT_EQ(decision.token_machine, MachineId{1});
}

TEST(JsqTokens, joins_the_shortest_queue_of_each_pool_in_tokens_and_not_in_requests) {
  const auto decision = decide("jsq_tokens", {machine(0, Role::kPrompt, 500), machine(1, Role::kPrompt, 400),
                                              machine(2, Role::kToken, 0, 90, 1), machine(3, Role::kToken, 0, 80, 9)});
  EXPECT_EQ(decision.prompt_machine, MachineId{1});
  EXPECT_EQ(decision.token_machine, MachineId{3});
}

TEST(JsqTokens, keeps_both_phases_where_the_role_allows) {
  const auto decision = decide(
      "jsq_tokens", {machine(0, Role::kPrompt, 500), machine(1, Role::kMixed, 300, 100), machine(2, Role::kToken)});
  EXPECT_EQ(decision.prompt_machine, MachineId{1});
  EXPECT_EQ(decision.token_machine, MachineId{1});
}

TEST(Aggregated, never_splits_whatever_the_roles) {
  const auto decision = decide(
      "aggregated", {machine(0, Role::kPrompt, 500), machine(1, Role::kToken, 0, 90), machine(2, Role::kMixed, 99)});
  EXPECT_EQ(decision.prompt_machine, MachineId{1});
  EXPECT_EQ(decision.token_machine, MachineId{1});
}

/// How often each machine got the prompt in 3000 decisions on the same snapshot.
std::vector<int> counts(const std::string& policy, std::vector<MachineView> machines, std::uint64_t seed = 1) {
  RoutingSettings settings;
  settings.seed = seed;
  const auto made = make_routing_policy(policy, settings).value();
  RoutingSnapshot snapshot;
  snapshot.machines = std::move(machines);
  std::vector<int> counts(snapshot.machines.size());
  for (int i = 0; i < 3000; ++i) ++counts.at(made->decide(snapshot).prompt_machine.value);
  return counts;
}

TEST(Random, gives_each_machine_of_the_pool_its_share) {
  const auto got = counts("random", {machine(0, Role::kPrompt, 9999), machine(1, Role::kPrompt),
                                     machine(2, Role::kPrompt), machine(3, Role::kToken)});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], 1000, 120);
  EXPECT_EQ(got[3], 0);
}

TEST(Random, another_seed_draws_otherwise) {
  RoutingSettings settings;
  settings.seed = 2;
  const auto one = make_routing_policy("random").value(), other = make_routing_policy("random", settings).value();
  RoutingSnapshot snapshot;
  for (std::uint32_t i = 0; i < 8; ++i) snapshot.machines.push_back(machine(i, Role::kMixed));
  int same = 0;
  for (int i = 0; i < 100; ++i) same += one->decide(snapshot).prompt_machine == other->decide(snapshot).prompt_machine;
  EXPECT_LT(same, 40);
}

TEST(PowerOfTwo, never_takes_the_longest_queue_and_takes_the_shortest_whenever_it_is_drawn) {
  const auto got = counts("power_of_two",
                          {machine(0, Role::kMixed, 30), machine(1, Role::kMixed, 20), machine(2, Role::kMixed, 10)});
  EXPECT_EQ(got[0], 0);
  EXPECT_NEAR(got[1], 1000, 120);  // only when the pair leaves out the shortest: one pair in three
  EXPECT_NEAR(got[2], 2000, 120);
}

TEST(RoutingPolicies, an_unknown_name_is_refused_with_the_nearest) {
  const auto refused = make_routing_policy("spiltwise");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_NE(refused.error().message.find("splitwise"), std::string::npos);
}

}  // namespace
}  // namespace troupe::policies
