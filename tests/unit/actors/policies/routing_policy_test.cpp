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

TEST(RoutingPolicies, an_unknown_name_is_refused_with_the_nearest) {
  const auto refused = make_routing_policy("spiltwise");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_NE(refused.error().message.find("splitwise"), std::string::npos);
}

}  // namespace
}  // namespace troupe::policies
