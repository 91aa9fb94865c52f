// What one node tells people of the machines of another.
#include <gmock/gmock.h>

#include "tests/unit/actors/neighbours/cluster_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Inspection : testing::Test {
  Cluster cluster;

  Result<MachineBlocks> blocks(const std::string& machine, std::size_t asked_node = 0,
                               std::chrono::milliseconds wait = 100ms) {
    caf::scoped_actor self{cluster.system.actors()};
    auto asked = self->request(cluster.neighbours(asked_node), caf::infinite, QueryBlocks{machine});
    cluster.pass(wait);
    BlocksFound found;
    asked.receive([&](const BlocksFound& answer) { found = answer; }, [](caf::error&) { ADD_FAILURE(); });
    return found.what ? *found.what : Error{ErrorCode::kInternal, "no answer"};
  }
};

TEST_F(Inspection, NamesTheRequestThatDecodesOnAnotherNodesMachineAndWhereItLives) {
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 1), 1000));
  cluster.pass(20ms);
  ASSERT_FALSE(request.ended());
  const auto found = blocks("token0-0", 0, 2ms);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->leases.size(), 1u);
  const auto& held = found->leases[0];
  EXPECT_EQ(held.request, request.spec->id);
  EXPECT_EQ(held.home, "front");
  EXPECT_FALSE(held.sends);
  EXPECT_GT(held.held_ns, 0);
  EXPECT_GT(held.by_state[static_cast<std::size_t>(BlockState::kCommitted)], 0);
  EXPECT_EQ(found->blocks.total, 256);
  caf::anon_send(request.actor, CancelCompletion{request.spec->id});
  cluster.pass(1s);
}

TEST_F(Inspection, SaysTheSameOnTheMachinesOwnNode) {
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 1), 1000));
  cluster.pass(20ms);
  const auto found = blocks("token0-0", 2, 2ms);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->leases.size(), 1u);
  EXPECT_EQ(found->leases[0].home, "front");
  caf::anon_send(request.actor, CancelCompletion{request.spec->id});
  cluster.pass(1s);
}

TEST_F(Inspection, NamesTheMachinesThatThereAreWhereNoneHasTheName) {
  const auto found = blocks("elsewhere");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kMissingInput);
  EXPECT_THAT(found.error().message, HasSubstr("prompt0-0, token0-0"));
}

TEST_F(Inspection, SaysSoWhereTheMachinesNodeDoesNotAnswer) {
  cluster.cut(2);
  const auto found = blocks("token0-0", 0, 3s);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(found.error().message, HasSubstr("token0"));
}

TEST_F(Inspection, ShowsWhoWritesTheBlocksOfAPromptThatRunsElsewhere) {
  cluster.cut(1);  // the prompt node hears of it, and of nothing else, when the weather is fine again
  const auto request = cluster.submit(Serving::spec(Serving::prompt(100, 1), 40));
  cluster.pass(50ms);
  const auto found = blocks("token0-0", 0, 2ms);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->leases.size(), 1u);
  EXPECT_EQ(found->leases[0].peer, "prompt0");
  EXPECT_GT(found->leases[0].by_state[static_cast<std::size_t>(BlockState::kAdvertised)], 0);
  cluster.cut(1, false);
  cluster.finish({request});
  Cluster::expect_right(request);
}

struct Paths : Inspection {
  Result<std::vector<NodePaths>> paths(std::chrono::milliseconds wait = 5s) {
    caf::scoped_actor self{cluster.system.actors()};
    auto asked = self->request(cluster.neighbours(0), caf::infinite, QueryPaths{});
    cluster.pass(wait);
    PathsFound found;
    asked.receive([&](const PathsFound& answer) { found = answer; }, [](caf::error&) { ADD_FAILURE(); });
    return found.what ? *found.what : Error{ErrorCode::kInternal, "no answer"};
  }
};

TEST_F(Paths, AreMeasuredBetweenNodesThatHaveMachinesAndToldOfAllOthers) {
  const auto found = paths();
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->size(), 3u);
  for (const auto& node : *found) {
    EXPECT_EQ(node.problem, "");
    ASSERT_EQ(node.paths.size(), 2u) << node.node;
    for (const auto& path : node.paths) {
      EXPECT_EQ(path.problem, "") << node.node;
      EXPECT_GE(path.heard_ns, 0);
      EXPECT_EQ(path.clock_ahead_ns, 0);
      const bool carries_kv = node.node != "front" && path.peer != "front";
      EXPECT_EQ(path.round_trip_ns >= 0, carries_kv) << node.node << " " << path.peer;
      EXPECT_EQ(path.bytes > 0, carries_kv);
      EXPECT_EQ(path.transport, "in this process");
    }
  }
}

TEST_F(Paths, OfANodeThatIsGoneAreToldByItsPeersAndByTheNodeThatIsAsked) {
  cluster.kill(2);
  cluster.pass(2s);
  const auto found = paths();
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[2].node, "token0");
  EXPECT_THAT((*found)[2].problem, HasSubstr("away"));
  ASSERT_EQ((*found)[1].paths.size(), 2u);
  EXPECT_EQ((*found)[1].paths[1].peer, "token0");
  EXPECT_THAT((*found)[1].paths[1].problem, HasSubstr("away"));
  EXPECT_EQ((*found)[1].paths[1].heard_ns, -1);
}

TEST_F(Paths, EndWithWhatIsKnownWhereANodeFallsSilentMeanwhile) {
  cluster.cut(1);
  const auto found = paths(30s);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->size(), 3u);
  EXPECT_THAT((*found)[1].problem, HasSubstr("not heard of within"));
}

TEST_F(Paths, AreExaminedForOneAtATime) {
  cluster.cut(1);
  caf::scoped_actor self{cluster.system.actors()};
  auto first = self->request(cluster.neighbours(0), caf::infinite, QueryPaths{});
  cluster.pass(10ms);
  const auto second = paths(10ms);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kOverloaded);
  cluster.pass(30s);
  first.receive([](const PathsFound& found) { EXPECT_TRUE(found.what->ok()); }, [](caf::error&) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace troupe
