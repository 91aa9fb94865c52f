#include "actors/policies/role_policy.hpp"

#include <gmock/gmock.h>

namespace troupe::policies {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Machines whose load a test sets, looked at once a second by a by_load policy with high 75 %, low 20 %, hold 10 s,
/// settle 30 s, 8192 prompt tokens to a machine.
class Roles {
 public:
  explicit Roles(std::vector<Role> roles, const std::string& policy = "by_load")
      : policy_(make_role_policy(policy, settings()).value()) {
    for (const auto role : roles) {
      RoleView machine;
      machine.id = MachineId{static_cast<std::uint32_t>(snapshot_.machines.size())};
      machine.home = machine.role = role;
      machine.role_for = 1h;
      machine.kv_positions = 1000;
      machine.kv_free = 1000;
      snapshot_.machines.push_back(machine);
    }
  }

  RoleView& operator[](std::size_t i) { return snapshot_.machines.at(i); }
  void prompts(std::size_t i, std::int64_t percent) { (*this)[i].pending_prompt_tokens = 8192 * percent / 100; }
  void kv(std::size_t i, std::int64_t percent) { (*this)[i].kv_free = 1000 - 10 * percent; }

  /// Lets the time pass and carries out what is decided: how many changes that were.
  int pass(std::chrono::seconds time) {
    int changes = 0;
    for (; time > 0s; time -= 1s) {
      for (const auto& change : policy_->decide(snapshot_)) {
        auto& machine = (*this)[change.machine.value];
        machine.role = change.role;
        machine.role_for = 0s;
        last_reason = change.reason;
        ++changes;
      }
      snapshot_.now += 1s;
      for (auto& machine : snapshot_.machines) machine.role_for += 1s;
    }
    return changes;
  }

  std::string last_reason;

 private:
  static RoleSettings settings() {  // hold, settle and low as they are by default
    RoleSettings settings;
    settings.high_percent = 75;
    return settings;
  }

  std::unique_ptr<RolePolicy> policy_;
  RoleSnapshot snapshot_;
};

TEST(RolesByLoad, a_pool_gets_a_machine_when_it_was_over_high_for_as_long_as_hold) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(10s), 0);
  EXPECT_EQ(roles.pass(1s), 1);
  EXPECT_EQ(roles[1].role, Role::kPrompt);
  EXPECT_EQ(roles.last_reason, "the prompt pool is at 100 %, over 75 % for 10 s");
}

TEST(RolesByLoad, a_pool_that_falls_under_high_in_between_begins_to_count_anew) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(10s), 0);
  roles.prompts(0, 75);
  EXPECT_EQ(roles.pass(1s), 0);
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(10s), 0);
  EXPECT_EQ(roles.pass(1s), 1);
}

TEST(RolesByLoad, a_mixed_machine_goes_before_one_of_the_other_pool) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kMixed});
  roles[3].pending_tokens = 500;
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles[3].role, Role::kPrompt);
}

TEST(RolesByLoad, one_that_is_at_home_in_the_pool_goes_before_all) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kMixed});
  roles[2].home = Role::kPrompt;
  roles[2].pending_tokens = 500;
  roles[2].kv_free.reset();
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles[2].role, Role::kPrompt);
}

TEST(RolesByLoad, of_equals_the_one_with_the_least_to_do_goes) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles[1].pending_tokens = 10;
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles[2].role, Role::kPrompt);
}

TEST(RolesByLoad, full_kv_brings_a_prompt_machine_to_the_tokens) {
  Roles roles({Role::kPrompt, Role::kPrompt, Role::kToken});
  roles.kv(2, 90);
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles[0].role, Role::kToken);
  EXPECT_THAT(roles.last_reason, HasSubstr("the token pool is at 90 %"));
}

TEST(RolesByLoad, kv_that_is_held_for_prompts_that_wait_does_not_make_the_token_pool_full) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.prompts(0, 100);
  roles.kv(1, 95);
  roles[1].awaited_prompt_tokens = 400;
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles[2].role, Role::kPrompt);
}

TEST(RolesByLoad, the_last_machine_of_a_pool_is_never_taken) {
  Roles roles({Role::kPrompt, Role::kToken});
  roles.prompts(0, 500);
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolesByLoad, the_mixed_machine_that_alone_makes_tokens_stays) {
  Roles roles({Role::kPrompt, Role::kMixed});
  roles.prompts(0, 500);
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolesByLoad, a_pool_that_would_be_over_high_without_the_machine_keeps_it) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  roles.kv(1, 40);
  roles.kv(2, 40);  // 80 % on one of them
  EXPECT_EQ(roles.pass(300s), 0);
  roles.kv(2, 30);
  EXPECT_EQ(roles.pass(1s), 1);
}

TEST(RolesByLoad, while_both_pools_are_over_high_nothing_moves) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.prompts(0, 200);
  roles.kv(1, 90);
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolesByLoad, at_most_one_machine_moves_in_settle) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kToken, Role::kToken});
  roles.prompts(0, 1000);
  EXPECT_EQ(roles.pass(11s), 1);
  EXPECT_EQ(roles.pass(29s), 0);
  EXPECT_EQ(roles.pass(1s), 1);
}

TEST(RolesByLoad, a_borrowed_machine_goes_home_when_the_pool_was_under_low_for_as_long_as_hold) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(11s), 1);
  roles.prompts(0, 30);
  EXPECT_EQ(roles.pass(300s), 1) << "15 % on each of the two";
  EXPECT_EQ(roles[1].role, Role::kToken);
  EXPECT_THAT(roles.last_reason, HasSubstr("home again: the prompt pool is at 15 %, under 20 %"));
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolesByLoad, a_borrowed_machine_stays_between_low_and_high) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  EXPECT_EQ(roles.pass(11s), 1);
  roles.prompts(0, 60);
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolesByLoad, load_that_comes_and_goes_faster_than_hold_moves_nothing) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kMixed});
  for (int i = 0; i < 100; ++i) {
    roles.prompts(0, i % 2 == 0 ? 300 : 0);
    EXPECT_EQ(roles.pass(8s), 0);
  }
}

TEST(RolesByLoad, a_machine_that_is_drained_neither_moves_nor_counts) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.prompts(0, 100);
  roles[1].draining = true;
  EXPECT_EQ(roles.pass(300s), 0) << "one token machine is left";
}

TEST(RolesByLoad, what_was_changed_by_hand_is_left_alone_for_as_long_as_settle) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.prompts(0, 100);
  roles[2].role_for = 0s;
  EXPECT_EQ(roles.pass(30s), 0);
  EXPECT_EQ(roles.pass(1s), 1);
}

TEST(FixedRoles, stay) {
  Roles roles({Role::kPrompt, Role::kToken, Role::kMixed}, "fixed");
  roles.prompts(0, 1000);
  EXPECT_EQ(roles.pass(300s), 0);
}

TEST(RolePolicies, an_unknown_name_is_refused_with_the_nearest) {
  const auto refused = make_role_policy("by_laod");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("by_load"));
}

}  // namespace
}  // namespace troupe::policies
