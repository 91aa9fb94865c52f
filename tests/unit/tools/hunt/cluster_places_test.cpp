// Nodes of a virtual cluster as places of their own: one that stalls handles nothing, and nothing of it is lost.
#include <gtest/gtest.h>

#include <vector>

#include "tools/hunt/cluster.hpp"

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<RequestSpec> spec(std::uint64_t id) {
  auto spec = std::make_shared<RequestSpec>();
  spec->id = RequestId{id};
  spec->prompt = prompt_of(30, id);
  spec->max_tokens = 20;
  spec->sampling = std::make_shared<const device::SamplingSpec>();
  return spec;
}

TEST(ClusterPlaces, AStalledNodeAnswersNothingUntilItWakes) {
  Cluster cluster;
  cluster.stall(2);
  EXPECT_FALSE(cluster.ask(2));
  EXPECT_TRUE(cluster.ask(1));
  cluster.stall(2, false);
  EXPECT_TRUE(cluster.ask(2));
}

TEST(ClusterPlaces, AShortStallDelaysARequestAndChangesNothingOfIt) {
  Cluster cluster;
  cluster.stall(2);
  const auto request = cluster.submit(spec(1));
  cluster.pass(500ms);
  EXPECT_TRUE(request.answer->tokens.empty());
  cluster.stall(2, false);
  cluster.pass(500ms);
  EXPECT_EQ(request.answer->tokens, expected(*request.spec));
  EXPECT_EQ(request.answer->ends.size(), 1u);
}

TEST(ClusterPlaces, AStalledNodeIsGivenUpByTheOthers) {
  Cluster cluster;
  cluster.stall(2);
  cluster.pass(3s);
  const auto state = cluster.ask(0);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->nodes.at(2).state, "away");
  cluster.stall(2, false);
  cluster.pass(2s);
  EXPECT_EQ(cluster.ask(0).value().nodes.at(2).state, "connected");
}

TEST(ClusterPlaces, ANodeThatDiesTakesItsRequestsWithIt) {
  Cluster cluster;
  const auto request = cluster.submit(spec(1));
  cluster.kill(0);
  cluster.pass(1ms);
  EXPECT_TRUE(*request.gone);
  EXPECT_TRUE(request.answer->ends.empty());
}

TEST(ClusterPlaces, AConnectionThatBreaksIsMadeAgain) {
  Cluster cluster;
  const auto before = cluster.events(0).size();
  cluster.break_wire(0, 2);
  cluster.pass(1s);
  const std::vector<std::string> news(cluster.events(0).begin() + static_cast<std::ptrdiff_t>(before),
                                      cluster.events(0).end());
  EXPECT_EQ(news, (std::vector<std::string>{"lost token0: its connection broke", "joined token0: it runs build test"}));
}

}  // namespace
}  // namespace troupe::hunt
