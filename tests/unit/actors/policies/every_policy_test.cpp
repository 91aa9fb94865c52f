// What holds of every routing policy by its name: a new one is tried here as soon as it is in the list.
#include <gtest/gtest.h>

#include "actors/policies/role_policy.hpp"
#include "actors/policies/routing_policy.hpp"
#include "runtime/base/policy_names.hpp"
#include "runtime/base/random.hpp"

namespace troupe::policies {
namespace {

/// A cluster of 1 to 12 machines with any roles, loads and measurements.
RoutingSnapshot drawn(RandomStream& random) {
  RoutingSnapshot snapshot;
  snapshot.request = RequestId{random.next()};
  snapshot.prompt_tokens = 1 + static_cast<std::int32_t>(random.below(4000));
  snapshot.max_tokens = 1 + static_cast<std::int32_t>(random.below(1000));
  snapshot.kv_bytes_per_token = 1 + static_cast<std::int64_t>(random.below(1 << 20));
  const auto machines = 1 + random.below(12);
  for (std::uint32_t i = 0; i < machines; ++i) {
    MachineView view;
    view.id = MachineId{3 * i + 1};
    view.role = static_cast<Role>(random.below(3));
    view.node = NodeId{static_cast<std::uint32_t>(random.below(4))};
    view.kv_positions = 6000 + static_cast<std::int64_t>(random.below(100'000));
    if (random.below(2) == 0) {
      view.pending_prompts = 1 + static_cast<std::int64_t>(random.below(40));
      view.pending_prompt_tokens = view.pending_prompts * static_cast<std::int64_t>(random.below(3000));
    }
    view.running = static_cast<std::int64_t>(random.below(200));
    view.pending_tokens = view.running * static_cast<std::int64_t>(random.below(2000));
    view.awaited = static_cast<std::int64_t>(random.below(10));
    if (random.below(2) == 0) view.kv_free = static_cast<std::int64_t>(random.below(10'000)) - 2000;
    if (random.below(2) == 0) view.prompt_tokens_per_s = 1 + random.unit() * 20'000;
    if (random.below(2) == 0) view.pace = DecodePace{random.unit() / 10, random.unit() / 1000};
    snapshot.machines.push_back(view);
  }
  return snapshot;
}

bool has(const RoutingSnapshot& snapshot, MachineId id) {
  for (const auto& machine : snapshot.machines)
    if (machine.id == id) return true;
  return false;
}

void expect_chosen_among(const std::vector<Candidate>& candidates, MachineId chosen, const RoutingSnapshot& snapshot) {
  bool found = false;
  for (const auto& candidate : candidates) {
    EXPECT_TRUE(has(snapshot, candidate.machine));
    EXPECT_EQ(candidate.score, candidate.score) << "not a number";
    found |= candidate.machine == chosen;
  }
  EXPECT_TRUE(found) << "the chosen machine is none of the candidates";
}

class EveryPolicy : public testing::TestWithParam<std::string> {};

TEST_P(EveryPolicy, chooses_machines_that_are_there_and_says_why) {
  RandomStream random(20);
  const auto policy = make_routing_policy(GetParam()).value();
  for (int round = 0; round < 500; ++round) {
    const auto snapshot = drawn(random);
    const auto decision = policy->decide(snapshot);
    EXPECT_EQ(decision.policy, GetParam());
    EXPECT_FALSE(decision.reason.empty());
    expect_chosen_among(decision.prompt_candidates, decision.prompt_machine, snapshot);
    expect_chosen_among(decision.token_candidates, decision.token_machine, snapshot);
    if (testing::Test::HasFailure()) FAIL() << "in round " << round;
  }
}

TEST_P(EveryPolicy, decides_the_same_for_the_same_snapshots_and_seed) {
  RandomStream random(21);
  RoutingSettings settings;
  settings.seed = 77;
  const auto one = make_routing_policy(GetParam(), settings).value();
  const auto other = make_routing_policy(GetParam(), settings).value();
  for (int round = 0; round < 200; ++round) {
    const auto snapshot = drawn(random);
    const auto a = one->decide(snapshot), b = other->decide(snapshot);
    ASSERT_EQ(a.prompt_machine, b.prompt_machine);
    ASSERT_EQ(a.token_machine, b.token_machine);
  }
}

TEST_P(EveryPolicy, has_both_phases_on_a_machine_that_is_alone) {
  for (const Role role : {Role::kPrompt, Role::kToken, Role::kMixed}) {
    RoutingSnapshot snapshot;
    snapshot.prompt_tokens = 10;
    snapshot.machines.emplace_back();
    snapshot.machines[0].id = MachineId{9};
    snapshot.machines[0].role = role;
    const auto decision = make_routing_policy(GetParam()).value()->decide(snapshot);
    EXPECT_EQ(decision.prompt_machine, MachineId{9});
    EXPECT_EQ(decision.token_machine, MachineId{9});
  }
}

TEST(RolePolicies, each_name_that_configuration_takes_makes_a_policy) {
  for (const auto& name : role_policy_names()) EXPECT_TRUE(make_role_policy(name).ok()) << name;
}

INSTANTIATE_TEST_SUITE_P(Routing, EveryPolicy, testing::ValuesIn(routing_policy_names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace troupe::policies
