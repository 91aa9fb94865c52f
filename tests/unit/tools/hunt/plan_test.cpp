// Plans of the fault hunt: what a seed stands for.
#include "tools/hunt/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace troupe::hunt {
namespace {

using Kind = Act::Kind;

std::vector<std::string> words(const Plan& plan) {
  std::vector<std::string> all;
  for (const auto& act : plan.acts) all.push_back(in_words(act, plan.cluster));
  return all;
}

TEST(Plan, IsAFunctionOfTheSeed) {
  EXPECT_EQ(words(plan_of(5, true)), words(plan_of(5, true)));
  EXPECT_NE(words(plan_of(5, true)), words(plan_of(6, true)));
}

TEST(Plan, HasTheSameCallsWithFaultsAndWithout) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto with = plan_of(seed, true);
    const auto without = plan_of(seed, false);
    EXPECT_FALSE(without.has_faults);
    ASSERT_EQ(with.requests.size(), without.requests.size());
    for (std::size_t i = 0; i < with.requests.size(); ++i)
      EXPECT_EQ(with.requests[i].salt, without.requests[i].salt) << seed;
    for (const auto& act : without.acts)
      EXPECT_TRUE(act.kind == Kind::kSubmit || act.kind == Kind::kCancel || act.kind == Kind::kDisconnect) << seed;
  }
}

TEST(Plan, EveryTroubleEndsButForANodeThatStaysDead) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto plan = plan_of(seed, true);
    for (const auto& [begins, ends] : {std::pair{Kind::kKill, Kind::kStart}, std::pair{Kind::kCut, Kind::kHeal},
                                       std::pair{Kind::kCutPair, Kind::kHealPair}, std::pair{Kind::kStall, Kind::kWake},
                                       std::pair{Kind::kDrain, Kind::kUndrain}, std::pair{Kind::kSlow, Kind::kFast}}) {
      for (const auto& act : plan.acts) {
        if (act.kind != begins || plan.dead == act.node) continue;
        EXPECT_TRUE(std::any_of(plan.acts.begin(), plan.acts.end(),
                                [&, last = ends](const Act& later) {
                                  return later.kind == last && later.node == act.node && later.at >= act.at;
                                }))
            << "seed " << seed << ": " << in_words(act, plan.cluster);
      }
    }
    EXPECT_TRUE(
        std::all_of(plan.acts.begin(), plan.acts.end(), [&](const Act& act) { return act.at <= plan.faults_end; }));
  }
}

TEST(Plan, ANodeThatStaysDeadLeavesOthersToServe) {
  bool any = false;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto plan = plan_of(seed, true);
    if (!plan.dead) continue;
    any = true;
    EXPECT_FALSE(plan.cluster.nodes[*plan.dead].calls);
    const auto serving = std::count_if(plan.cluster.nodes.begin(), plan.cluster.nodes.end(),
                                       [](const ClusterNode& node) { return !node.machines.empty(); });
    EXPECT_GE(serving, 2) << seed;
  }
  EXPECT_TRUE(any);
}

TEST(Plan, EveryKindOfActIsInSomeSeed) {
  std::set<Kind> seen;
  for (std::uint64_t seed = 1; seed <= 500; ++seed)
    for (const auto& act : plan_of(seed, true).acts) seen.insert(act.kind);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Kind::kEndActor) + 1);
}

TEST(Plan, NodesAreReplacedOnlyWhereNothingElseGoesWrongAndOthersDoTheirWork) {
  bool any = false;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto plan = plan_of(seed, true);
    const auto& nodes = plan.cluster.nodes;
    for (const auto& act : plan.acts) {
      if (act.kind != Kind::kRetire) continue;
      any = true;
      EXPECT_TRUE(plan.rolling);
      EXPECT_FALSE(plan.has_faults);
      for (const auto does : {&ClusterNode::calls, &ClusterNode::routes})
        EXPECT_GE(std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.*does; }),
                  nodes[act.node].*does ? 2 : 1)
            << seed;
    }
  }
  EXPECT_TRUE(any);
}

TEST(Plan, EveryRequestFitsIntoEveryMachine) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto plan = plan_of(seed, true);
    for (const auto& request : plan.requests)
      EXPECT_LE(request.prompt + request.tokens - 1, plan.cluster.device.blocks * 16) << seed;
  }
}

}  // namespace
}  // namespace troupe::hunt
