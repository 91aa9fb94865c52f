// Roles that follow the load: the balancer beside the router of a cluster of nodes, on the virtual clock.
#include "actors/balancer/balancer.hpp"

#include <gmock/gmock.h>

#include "tests/unit/actors/neighbours/cluster_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// One node for each role, after the front node, on machines that run 1000 prompt tokens a second; a pool overflows at
/// 1000 pending prompt tokens. Machine i is that of node i + 1.
ClusterOptions with_roles(const std::vector<Role>& roles) {
  ClusterOptions options;
  options.nodes = {{"front", {}}};
  for (const auto role : roles) options.nodes.push_back({"n" + std::to_string(options.nodes.size()), {role}});
  options.device.blocks = 1024;
  options.device.cost = [](const device::Step& step) {
    std::chrono::nanoseconds cost = 1ms;
    for (const auto& sequence : step.sequences) cost += std::chrono::milliseconds(sequence.tokens.size());
    return cost;
  };
  options.routing.overflow_prompt_tokens = 1000;
  return options;
}

policies::RoleSettings settings() {
  policies::RoleSettings settings;
  settings.hold = 2s;
  settings.settle = 5s;
  settings.full_prompt_tokens = 1000;
  return settings;
}

class Balanced {
 public:
  explicit Balanced(const std::vector<Role>& roles, bool active = true, const std::string& policy = "by_load")
      : cluster(with_roles(roles)) {
    BalancerOptions options;
    options.interval = 250ms;
    options.active = active;
    options.make_policy = [policy] { return policies::make_role_policy(policy, settings()).value(); };
    options.router = cluster.router();
    options.orders = cluster.neighbours(0);
    options.tell = [this](const std::string& machine, const std::string& role, const std::string& why) {
      told.push_back(machine + " " + role + ": " + why);
      told_at.push_back(cluster.system.now());
    };
    balancer = cluster.system.spawn<Balancer>(std::move(options));
    cluster.pass(5s);  // what has just joined is left alone for as long as `settle`
  }
  ~Balanced() { caf::anon_send_exit(balancer, caf::exit_reason::user_shutdown); }

  void submit(int prompts) {
    for (int i = 0; i < prompts; ++i)
      requests.push_back(cluster.submit(Serving::spec(Serving::prompt(250, ++salt_), 3)));
  }
  /// So many prompts four times a second, for so long.
  void load(std::chrono::milliseconds time, int prompts = 4) {
    for (; time > 0s; time -= 250ms) {
      submit(prompts);
      cluster.pass(250ms);
    }
  }
  Role role(std::size_t machine) { return cluster.state().machines.at(machine).role; }
  Role home(std::size_t machine) { return cluster.state().machines.at(machine).home; }

  void expect_all_right() {
    cluster.finish(requests);
    for (const auto& request : requests) Cluster::expect_right(request);
    cluster.pass(1s);
    cluster.expect_all_blocks_free();
  }

  Cluster cluster;
  BalancerActor balancer;
  std::vector<std::string> told;
  std::vector<TimePoint> told_at;
  std::vector<Submitted> requests;

 private:
  std::uint64_t salt_ = 0;
};

TEST(Balancer, lends_a_machine_to_the_prompts_and_sends_it_home_and_no_request_is_lost) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.load(4s);
  ASSERT_THAT(roles.told, SizeIs(1));
  EXPECT_THAT(roles.told[0], HasSubstr("prompt: the prompt pool is at "));
  const std::size_t lent = roles.role(1) == Role::kPrompt ? 1 : 2;
  EXPECT_EQ(roles.role(lent), Role::kPrompt);
  EXPECT_EQ(roles.home(lent), Role::kToken);
  EXPECT_EQ(roles.role(3 - lent), Role::kToken);
  roles.cluster.finish(roles.requests);
  roles.cluster.pass(8s);
  EXPECT_EQ(roles.role(lent), Role::kToken);
  ASSERT_THAT(roles.told, SizeIs(2));
  EXPECT_THAT(roles.told[1], HasSubstr("token: home again"));
  roles.expect_all_right();
}

TEST(Balancer, tells_why_a_machine_is_away_from_home_and_since_when) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.load(4s);
  const auto machine = roles.cluster.state().machines.at(2);
  EXPECT_EQ(machine.role, Role::kPrompt);
  EXPECT_EQ(machine.home, Role::kMixed);
  EXPECT_THAT(machine.why, HasSubstr("the prompt pool is at "));
  EXPECT_GT(machine.role_for, 0s);
  EXPECT_LT(machine.role_for, 4s);
  roles.expect_all_right();
}

TEST(Balancer, does_not_follow_load_that_comes_and_goes) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kMixed});
  for (int i = 0; i < 10; ++i) {
    roles.submit(4);
    roles.cluster.pass(3s);
  }
  EXPECT_THAT(roles.told, IsEmpty());
  roles.expect_all_right();
}

TEST(Balancer, lets_the_cluster_settle_between_two_moves_under_waves_of_load) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kToken, Role::kMixed});
  for (int i = 0; i < 4; ++i) {
    roles.load(5s, 6);
    roles.cluster.pass(10s);
  }
  EXPECT_GE(roles.told.size(), 4u);
  for (std::size_t i = 1; i < roles.told.size(); ++i)
    EXPECT_GE(roles.told_at[i] - roles.told_at[i - 1], settings().settle) << roles.told[i];
  roles.expect_all_right();
}

TEST(Balancer, does_nothing_while_another_one_acts) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed}, false);
  roles.load(4s);
  EXPECT_THAT(roles.told, IsEmpty());
  caf::anon_send(roles.balancer, BalancerActive{true});
  roles.load(1s);
  EXPECT_THAT(roles.told, IsEmpty()) << "it has not seen the load for as long as `hold`";
  roles.load(2s);
  EXPECT_THAT(roles.told, SizeIs(1));
  roles.expect_all_right();
}

TEST(Balancer, stops_when_another_one_begins) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.load(1s);
  caf::anon_send(roles.balancer, BalancerActive{false});
  roles.load(4s);
  EXPECT_THAT(roles.told, IsEmpty());
  roles.expect_all_right();
}

TEST(Balancer, a_role_set_by_hand_is_the_machines_home) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed});
  EXPECT_EQ(roles.cluster.change("n3-0", Role::kPrompt, {}), 1);
  roles.cluster.pass(20s);
  EXPECT_EQ(roles.role(2), Role::kPrompt);
  EXPECT_EQ(roles.home(2), Role::kPrompt);
  EXPECT_THAT(roles.told, IsEmpty());
}

TEST(Balancer, draining_a_lent_machine_leaves_its_home_as_it_was) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed});
  roles.load(4s);
  ASSERT_EQ(roles.role(2), Role::kPrompt);
  EXPECT_EQ(roles.cluster.change("n3-0", {}, true), 1);
  roles.cluster.pass(1s);
  const auto machine = roles.cluster.state().machines.at(2);
  EXPECT_TRUE(machine.draining);
  EXPECT_EQ(machine.role, Role::kPrompt);
  EXPECT_EQ(machine.home, Role::kMixed);
  roles.expect_all_right();
}

TEST(Balancer, survives_the_death_of_a_machine_that_it_lent) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kToken});
  roles.load(4s);
  const std::size_t lent = roles.role(1) == Role::kPrompt ? 1 : 2;
  roles.cluster.kill(lent + 1);
  roles.submit(8);
  roles.cluster.pass(2s);
  roles.cluster.start(lent + 1);
  roles.cluster.pass(3s);
  EXPECT_EQ(roles.role(lent), Role::kToken) << "as its file has it";
  roles.expect_all_right();
}

TEST(Balancer, with_fixed_roles_moves_nothing) {
  Balanced roles({Role::kPrompt, Role::kToken, Role::kMixed}, true, "fixed");
  roles.load(6s);
  EXPECT_THAT(roles.told, IsEmpty());
  roles.expect_all_right();
}

}  // namespace
}  // namespace troupe
