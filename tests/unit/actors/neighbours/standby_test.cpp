// Routers that stand by: which of them routes, and that requests of other nodes do not notice when that one is gone.
#include <gmock/gmock.h>

#include "tests/unit/actors/neighbours/cluster_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;

constexpr std::size_t kFront0 = 0, kFront1 = 1, kPrompt = 2, kToken0 = 3, kToken1 = 4;

ClusterOptions two_fronts(std::uint64_t seed = exec::VirtualScheduler::kInOrder) {
  ClusterOptions options;
  options.seed = seed;
  options.nodes = {{"front0", {}, 0, true, true},
                   {"front1", {}, 0, true, true},
                   {"prompt0", {Role::kPrompt}},
                   {"token0", {Role::kToken}},
                   {"token1", {Role::kToken}}};
  options.device.cost = [](const device::Step&) { return 3ms; };
  options.network.latency = 100us;
  return options;
}

/// Who routes, as this node sees it.
std::string router_by(Cluster& cluster, std::size_t node) {
  for (const auto& each : cluster.state(node).nodes)
    if (each.router == "active") return each.name;
  return "nobody";
}

std::vector<Submitted> submit_some(Cluster& cluster, std::size_t at, int count, std::int32_t tokens = 60) {
  std::vector<Submitted> requests;
  for (int i = 0; i < count; ++i)
    requests.push_back(cluster.submit(
        Serving::spec(Serving::prompt(20 + 40 * i, static_cast<std::uint64_t>(100 * at + i)), tokens), at));
  return requests;
}

void expect_one_on_each_token_machine(Cluster& cluster, std::size_t asked) {
  for (const auto& machine : cluster.state(asked).machines) {
    if (machine.role != Role::kToken) continue;
    EXPECT_EQ(machine.tokens.running, 1) << machine.name;
  }
}

void expect_all_right(Cluster& cluster, const std::vector<Submitted>& requests) {
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(3s);
  cluster.expect_all_blocks_free();
}

TEST(Standby, OneRoutesForTheRequestsOfAllNodes) {
  Cluster cluster(two_fronts());
  EXPECT_EQ(router_by(cluster, kFront0), "front0");
  EXPECT_EQ(router_by(cluster, kFront1), "front0");
  expect_all_right(cluster, submit_some(cluster, kFront1, 6));
  EXPECT_GT(cluster.link_counters(kPrompt).bytes_sent, 0u);
}

TEST(Standby, SpreadsTheRequestsOfAllNodesByOneCount) {
  Cluster cluster(two_fronts());
  auto requests = submit_some(cluster, kFront0, 1, 1000);
  cluster.pass(200ms);
  for (const auto& each : submit_some(cluster, kFront1, 1, 1000)) requests.push_back(each);
  cluster.pass(1s);
  expect_one_on_each_token_machine(cluster, kFront0);
  expect_all_right(cluster, requests);
}

TEST(Standby, TakesOverWhileStreamsOfItsNodeGoOn) {
  Cluster cluster(two_fronts());
  auto requests = submit_some(cluster, kFront1, 6, 200);
  cluster.pass(300ms);
  cluster.kill(kFront0);
  cluster.pass(100ms);
  EXPECT_EQ(router_by(cluster, kFront1), "front1");
  for (const auto& each : submit_some(cluster, kFront1, 4)) requests.push_back(each);
  expect_all_right(cluster, requests);
}

TEST(Standby, TakesOverAtOnceInAClusterThatHasJustStarted) {
  auto options = two_fronts();
  options.warm_up = 600ms;  // less than the silence for which one that meets nobody waits
  Cluster cluster(options);
  ASSERT_EQ(router_by(cluster, kFront1), "front0");
  cluster.kill(kFront0);
  cluster.pass(10ms);
  EXPECT_EQ(router_by(cluster, kFront1), "front1");
}

TEST(Standby, KnowsWhatTheMachinesWereGivenBeforeItTookOver) {
  Cluster cluster(two_fronts());
  auto requests = submit_some(cluster, kFront1, 1, 1000);
  cluster.pass(300ms);
  cluster.kill(kFront0);
  cluster.pass(100ms);
  for (const auto& each : submit_some(cluster, kFront1, 1, 1000)) requests.push_back(each);
  cluster.pass(1s);
  expect_one_on_each_token_machine(cluster, kFront1);
  expect_all_right(cluster, requests);
}

TEST(Standby, MovesRequestsWhoseMachineDiesTogetherWithTheRouter) {
  Cluster cluster(two_fronts());
  const auto requests = submit_some(cluster, kFront1, 6, 200);
  cluster.pass(300ms);
  cluster.kill(kFront0);
  cluster.kill(kToken0);
  expect_all_right(cluster, requests);
}

TEST(Standby, AMachineThatOnlyTheRouterLostLetsGoOfWhatMovedAway) {
  Cluster cluster(two_fronts());
  const auto requests = submit_some(cluster, kFront1, 6, 40);
  cluster.pass(1ms);  // prompts are under way
  cluster.break_wire(kFront0, kToken0);
  expect_all_right(cluster, requests);
}

TEST(Standby, AnswersWhatTheOtherHadNotAnsweredYet) {
  Cluster cluster(two_fronts());
  cluster.cut(kFront0);  // questions get no answer, and nobody knows yet
  const auto requests = submit_some(cluster, kFront1, 6);
  cluster.pass(500ms);
  EXPECT_EQ(requests[0].answer->tokens.size(), 0u);
  expect_all_right(cluster, requests);
}

TEST(Standby, KeepsRoutingWhenTheOtherComesBack) {
  Cluster cluster(two_fronts());
  auto requests = submit_some(cluster, kFront1, 4, 400);
  cluster.kill(kFront0);
  cluster.pass(1s);
  cluster.start(kFront0);
  cluster.pass(4s);
  EXPECT_EQ(router_by(cluster, kFront0), "front1");
  EXPECT_EQ(router_by(cluster, kFront1), "front1");
  for (const auto& each : submit_some(cluster, kFront0, 4)) requests.push_back(each);
  expect_all_right(cluster, requests);
}

TEST(Standby, AgreesAgainAfterTwoRouted) {
  Cluster cluster(two_fronts());
  auto requests = submit_some(cluster, kFront1, 4, 1000);
  cluster.pass(100ms);
  cluster.cut(kFront0);
  cluster.pass(3s);
  EXPECT_EQ(router_by(cluster, kFront0), "front0");
  EXPECT_EQ(router_by(cluster, kFront1), "front1");
  cluster.cut(kFront0, false);
  cluster.pass(2s);
  EXPECT_EQ(router_by(cluster, kFront0), "front0");
  EXPECT_EQ(router_by(cluster, kFront1), "front0");
  for (const auto& each : submit_some(cluster, kFront0, 4)) requests.push_back(each);
  for (const auto& each : submit_some(cluster, kFront1, 4)) requests.push_back(each);
  expect_all_right(cluster, requests);
}

TEST(Standby, ForgetsTheRequestsOfANodeThatDied) {
  Cluster cluster(two_fronts());
  submit_some(cluster, kFront1, 4, 1000);
  cluster.pass(300ms);
  cluster.kill(kFront1);
  cluster.pass(2s);
  cluster.expect_all_blocks_free();
  // Were they still counted, one machine would look busier than the other.
  auto requests = submit_some(cluster, kFront0, 2, 1000);
  cluster.pass(1s);
  expect_one_on_each_token_machine(cluster, kFront0);
  expect_all_right(cluster, requests);
}

TEST(Standby, RoutesForANodeThatHasNoRouter) {
  auto options = two_fronts();
  options.nodes[kFront1] = {"gateway", {}, 0, false, true};
  Cluster cluster(options);
  auto requests = submit_some(cluster, kFront1, 4, 300);
  cluster.pass(200ms);
  cluster.kill(kFront0);
  cluster.pass(100ms);
  EXPECT_EQ(router_by(cluster, kFront1), "nobody");
  cluster.start(kFront0);
  cluster.pass(2s);
  EXPECT_EQ(router_by(cluster, kFront1), "front0");
  expect_all_right(cluster, requests);
}

TEST(Standby, HoldsNewRequestsForAMomentWhileNobodyRoutes) {
  auto options = two_fronts();
  options.nodes[kFront1] = {"gateway", {}, 0, false, true};
  Cluster cluster(options);
  cluster.kill(kFront0);
  cluster.pass(100ms);
  const auto held = submit_some(cluster, kFront1, 2);
  cluster.pass(500ms);
  cluster.start(kFront0);
  expect_all_right(cluster, held);
  cluster.kill(kFront0);
  const auto refused = submit_some(cluster, kFront1, 1).front();
  cluster.finish({refused});
  ASSERT_TRUE(refused.ended());
  ASSERT_TRUE(refused.end().error);
  EXPECT_EQ(refused.end().error->code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.end().error->message, ::testing::HasSubstr("No node that routes"));
}

TEST(Standby, HoldsNewRequestsWhileAFrontThatStalledMeetsItsMachinesAgain) {
  Cluster cluster(two_fronts());
  cluster.cut(kFront0);
  cluster.pass(4s);  // it has given everybody up, as they did with it
  const auto requests = submit_some(cluster, kFront0, 2);
  cluster.pass(50ms);
  cluster.cut(kFront0, false);
  expect_all_right(cluster, requests);
}

TEST(Standby, AnOrderThatALaterOneOvertookIsRefused) {
  Cluster cluster(two_fronts());
  cluster.cut(kFront0);
  EXPECT_EQ(cluster.change("token0", Role::kPrompt, std::nullopt, kFront0), 1);
  for (const auto role : {Role::kPrompt, Role::kMixed})
    EXPECT_EQ(cluster.change("token0", role, std::nullopt, kFront1), 1);
  cluster.cut(kFront0, false);  // before anybody gives it up, so that its words still count
  cluster.pass(1s);
  EXPECT_THAT(cluster.events(kToken0),
              ::testing::Contains(::testing::HasSubstr("is of epoch 1, and epoch 2 has been carried out")));
  for (const auto& machine : cluster.state(kFront0).machines) {
    if (machine.name != "token0-0") continue;
    EXPECT_EQ(machine.role, Role::kMixed);
  }
}

class StandbySeeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(StandbySeeds, LoseNothingWhereRoutersAndMachinesDieStallAndComeBack) {
  auto options = two_fronts(GetParam());
  options.nodes.push_back({"gateway", {}, 0, false, true});
  options.device.blocks = 96;
  Cluster cluster(options);
  RandomStream random(GetParam());
  std::vector<Submitted> requests;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 4; ++i)
      requests.push_back(
          cluster.submit(Serving::spec(Serving::prompt(1 + static_cast<std::int32_t>(random.below(200)), random.next()),
                                       1 + static_cast<std::int32_t>(random.below(80))),
                         5));
    cluster.pass(std::chrono::microseconds(random.below(200'000)));
    const auto victim = random.below(5);
    if (random.below(2) == 0) {
      cluster.kill(victim);
      cluster.pass(std::chrono::milliseconds(random.below(1000)));
      cluster.start(victim);
    } else {
      cluster.cut(victim);
      cluster.pass(std::chrono::milliseconds(random.below(2500)));
      cluster.cut(victim, false);
    }
    cluster.pass(std::chrono::milliseconds(500 + random.below(1500)));
  }
  expect_all_right(cluster, requests);
}

INSTANTIATE_TEST_SUITE_P(Standby, StandbySeeds, ::testing::Range<std::uint64_t>(1, 26));

}  // namespace
}  // namespace troupe
