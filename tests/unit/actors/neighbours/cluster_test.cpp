// A cluster of nodes on the virtual scheduler: prompts on one machine, tokens on another, and what happens when a node
// is gone.
#include <gmock/gmock.h>

#include "tests/unit/actors/neighbours/cluster_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;
using ::testing::Contains;
using ::testing::HasSubstr;

ClusterOptions with_nodes(std::vector<ClusterNode> nodes) {
  ClusterOptions options;
  options.nodes = std::move(nodes);
  return options;
}

const std::vector<ClusterNode> kTwoOfEach = {{"front", {}},
                                             {"prompt0", {Role::kPrompt}},
                                             {"prompt1", {Role::kPrompt}},
                                             {"token0", {Role::kToken}},
                                             {"token1", {Role::kToken}}};

TEST(ClusterOfNodes, KnowsItsMachinesWhenTheNodesHaveMet) {
  Cluster cluster;
  const auto state = cluster.state();
  ASSERT_EQ(state.nodes.size(), 3u);
  EXPECT_EQ(state.nodes[0].state, "here");
  EXPECT_EQ(state.nodes[1].state, "connected");
  ASSERT_EQ(state.machines.size(), 2u);
  EXPECT_EQ(state.machines[0].node, "prompt0");
  EXPECT_EQ(state.machines[1].blocks.total, 256);
  EXPECT_EQ(*cluster.serving, 2);
}

TEST(ClusterOfNodes, ComputesAPromptOnOneMachineAndItsTokensOnAnother) {
  Cluster cluster;
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 1), 40));
  cluster.finish({request});
  Cluster::expect_right(request);
  EXPECT_GT(cluster.link_counters(1).bytes_sent, 0u);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, ServesManyRequestsAtOnce) {
  Cluster cluster(with_nodes(kTwoOfEach));
  std::vector<Submitted> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(cluster.submit(Serving::spec(Serving::prompt(3 + 7 * i, 1), 20)));
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, GivesUpWhatIsCancelledDuringItsPrompt) {
  auto options = ClusterOptions{};
  options.device.cost = [](const device::Step&) { return 50ms; };
  Cluster cluster(options);
  const auto request = cluster.submit(Serving::spec(Serving::prompt(200, 1), 40));
  cluster.pass(20ms);
  caf::anon_send(request.actor, CancelCompletion{request.spec->id});
  cluster.finish({request});
  EXPECT_EQ(request.end().reason, FinishReason::kCancelled);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, GoesOnWhereTheTokenNodeWasKilled) {
  Cluster cluster(with_nodes(kTwoOfEach));
  std::vector<Submitted> requests;
  for (int i = 0; i < 8; ++i) requests.push_back(cluster.submit(Serving::spec(Serving::prompt(50 + i, 2), 100)));
  cluster.pass(4ms);
  cluster.kill(3);
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, ARouterForgetsARequestWhoseMachineLetGoBeforeItsOnlyTokenCame) {
  Cluster cluster;
  cluster.cut_pair(0, 1);  // the prompt node's word to the request: its first token, and here its last
  const auto request = cluster.submit(Serving::spec(Serving::prompt(20, 1), 1));
  cluster.pass(200ms);
  EXPECT_FALSE(request.ended());
  cluster.expect_all_blocks_free();
  cluster.cut_pair(0, 1, false);
  cluster.pass(200ms);
  Cluster::expect_right(request);
  const auto loads = cluster.loads();
  ASSERT_TRUE(loads);
  for (const auto& machine : loads->machines) {
    EXPECT_EQ(machine.view.running, 0) << machine.name;
    EXPECT_EQ(machine.view.pending_tokens, 0) << machine.name;
  }
}

TEST(ClusterOfNodes, RunsAPromptElsewhereWhereItsNodeWasKilled) {
  auto options = with_nodes(kTwoOfEach);
  options.device.cost = [](const device::Step&) { return 5ms; };
  Cluster cluster(options);
  std::vector<Submitted> requests;
  for (int i = 0; i < 8; ++i) requests.push_back(cluster.submit(Serving::spec(Serving::prompt(50 + i, 3), 20)));
  cluster.pass(3ms);
  cluster.kill(1);
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, MovesRequestsFromANodeThatFellSilentAndRefusesItsLateWords) {
  auto options = with_nodes(kTwoOfEach);
  options.device.cost = [](const device::Step&) { return 10ms; };
  Cluster cluster(options);
  std::vector<Submitted> requests;
  for (int i = 0; i < 8; ++i) requests.push_back(cluster.submit(Serving::spec(Serving::prompt(50 + i, 4), 400)));
  cluster.pass(20ms);
  cluster.cut(3);
  cluster.pass(3s);
  EXPECT_THAT(cluster.events(0), Contains(HasSubstr("lost token0: not heard for 1500 ms")));
  cluster.cut(3, false);
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(5s);
  EXPECT_EQ(cluster.state().machines.size(), 4u);  // it came back
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, TakesANodeBackThatWasStartedAgain) {
  Cluster cluster;
  cluster.kill(2);
  cluster.pass(1s);
  EXPECT_EQ(cluster.state().machines.size(), 1u);
  cluster.start(2);
  cluster.pass(2s);
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 5), 40));
  cluster.finish({request});
  Cluster::expect_right(request);
}

TEST(ClusterOfNodes, ChangesWhatMachinesAreForWhileTheyWork) {
  auto options = with_nodes(kTwoOfEach);
  options.device.cost = [](const device::Step&) { return 2ms; };
  Cluster cluster(options);
  std::vector<Submitted> requests;
  RandomStream random(7);
  for (int i = 0; i < 40; ++i) {
    requests.push_back(cluster.submit(Serving::spec(Serving::prompt(20 + 5 * i, 8), 60)));
    const auto role = static_cast<Role>(random.below(3));
    EXPECT_EQ(cluster.change(i % 2 == 0 ? "token0" : "prompt1-0", role, std::nullopt), 1);
    cluster.pass(5ms);
  }
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(1s);
  cluster.expect_all_blocks_free();
}

TEST(ClusterOfNodes, GivesADrainingNodeNothingNew) {
  Cluster cluster(with_nodes(kTwoOfEach));
  EXPECT_EQ(cluster.change("token0", std::nullopt, true), 1);
  cluster.pass(1s);
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 9), 40));
  cluster.finish({request});
  Cluster::expect_right(request);
  EXPECT_EQ(cluster.link_counters(3).bytes_received, 0u);
  EXPECT_GT(cluster.link_counters(4).bytes_received, 0u);
}

TEST(ClusterOfNodes, GivesNoMachineWhatItCannotHold) {
  Cluster cluster(with_nodes(
      {{"front", {}}, {"prompt0", {Role::kPrompt}}, {"small", {Role::kToken}, 8}, {"large", {Role::kToken}, 64}}));
  std::vector<Submitted> requests;
  for (int i = 0; i < 6; ++i) requests.push_back(cluster.submit(Serving::spec(Serving::prompt(200, 10), 40)));
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  EXPECT_EQ(cluster.link_counters(2).bytes_received, 0u);
}

TEST(ClusterOfNodes, SplitsNoRequestBetweenTwoMachinesOfOneNode) {
  for (const auto& nodes : {std::vector<ClusterNode>{{"front", {Role::kPrompt, Role::kToken}}},
                            std::vector<ClusterNode>{{"front", {}}, {"both", {Role::kPrompt, Role::kToken}}}}) {
    Cluster cluster(with_nodes(nodes));
    const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 11), 40));
    cluster.finish({request});
    Cluster::expect_right(request);
    cluster.pass(1s);
    cluster.expect_all_blocks_free();
  }
}

TEST(ClusterOfNodes, RefusesToChangeWhatItDoesNotKnow) {
  Cluster cluster;
  EXPECT_EQ(cluster.change("nobody", Role::kMixed, std::nullopt), -1);
}

TEST(ClusterOfNodes, ObeysANodeThatWasStartedAgainThoughItsEpochsBeginAnew) {
  Cluster cluster;
  for (const auto role : {Role::kMixed, Role::kPrompt, Role::kMixed})
    EXPECT_EQ(cluster.change("token0", role, std::nullopt), 1);
  ASSERT_EQ(cluster.state().machines[1].role, Role::kMixed);
  cluster.kill(0);
  cluster.start(0);  // its own would begin at 1 again, as a clock that was set back would have them
  cluster.pass(2s);
  EXPECT_EQ(cluster.change("token0", Role::kToken, std::nullopt), 1);
  EXPECT_EQ(cluster.state().machines[1].role, Role::kToken);
}

TEST(ClusterOfNodes, SplitsWhereItPaysOnceLinkAndMachinesAreMeasured) {
  auto options = ClusterOptions{};
  options.routing.split = policies::Split::kWhenItPays;
  options.device.cost = [](const device::Step&) { return 10ms; };
  Cluster cluster(options);
  const auto split = [&](const Submitted& request) {
    const auto before = cluster.link_counters(1).bytes_sent;
    cluster.pass(1s);
    EXPECT_FALSE(request.answer->tokens.empty());
    return cluster.link_counters(1).bytes_sent > before;
  };
  std::vector<Submitted> requests = {cluster.submit(Serving::spec(Serving::prompt(100, 1), 5))};
  EXPECT_TRUE(split(requests.back())) << "how fast prompts run is not known yet";
  requests.push_back(cluster.submit(Serving::spec(Serving::prompt(100, 2), 900)));
  EXPECT_FALSE(split(requests.back())) << "nobody is held up on an idle token machine";
  requests.push_back(cluster.submit(Serving::spec(Serving::prompt(100, 3), 5)));
  EXPECT_TRUE(split(requests.back())) << "a sequence would be";
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
}

TEST(ClusterOfNodes, EndsWhatItDidForARouterThatDied) {
  auto options = ClusterOptions{};
  options.device.cost = [](const device::Step&) { return 5ms; };
  Cluster cluster(options);
  const auto request = cluster.submit(Serving::spec(Serving::prompt(200, 6), 1000));
  cluster.pass(1s);
  ASSERT_GT(request.answer->tokens.size(), 0u);
  cluster.kill(0);
  cluster.pass(2s);
  cluster.expect_all_blocks_free();
}

}  // namespace
}  // namespace troupe
