// A router that gives requests to machines that drain is seen; one that did not know yet, or has no others, is not
// blamed.
#include "tools/hunt/drains.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::hunt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr caf::actor_id kRouter = 9;
constexpr std::int64_t kMs = 1'000'000;

struct DrainsTest : testing::Test {
  void joins(std::uint32_t machine, std::int64_t blocks = 100) {
    MachineJoined joined;
    joined.machine = MachineId{machine};
    joined.kv.blocks = blocks;
    drains.told(kRouter, joined, 1 * kMs);
  }

  void changes(std::uint32_t machine, bool draining, std::int64_t at_ns) {
    MachineChanged changed;
    changed.machine = MachineId{machine};
    changed.draining = draining;
    drains.told(kRouter, changed, at_ns);
  }

  void offers(const std::vector<std::uint32_t>& machines, std::int64_t at_ns) {
    policies::RoutingSnapshot snapshot;
    snapshot.request = RequestId{4};
    snapshot.prompt_tokens = 20;
    snapshot.max_tokens = 10;
    for (const auto machine : machines) snapshot.machines.emplace_back().id = MachineId{machine};
    drains.offered(kRouter, snapshot, at_ns);
  }

  Drains drains;
};

TEST_F(DrainsTest, AMachineThatDrainsAndIsOfferedBreaksS7) {
  joins(1);
  joins(2);
  changes(2, true, 5 * kMs);
  offers({1, 2}, 8 * kMs);
  ASSERT_THAT(drains.violations(), SizeIs(1));
  EXPECT_EQ(drains.violations().front().invariant, "S7");
  EXPECT_EQ(drains.violations().front().request, RequestId{4});
  EXPECT_THAT(drains.violations().front().what, HasSubstr("machine 2 for request 4, and was told 3 ms before"));
}

TEST_F(DrainsTest, WhatIsHeardAtThatMomentMayComeTooLate) {
  joins(1);
  joins(2);
  changes(2, true, 8 * kMs);
  offers({1, 2}, 8 * kMs);
  EXPECT_THAT(drains.violations(), IsEmpty());
}

TEST_F(DrainsTest, AMachineThatServesAgainMayBeOffered) {
  joins(1);
  joins(2);
  changes(2, true, 5 * kMs);
  changes(2, false, 6 * kMs);
  offers({1, 2}, 8 * kMs);
  EXPECT_THAT(drains.violations(), IsEmpty());
}

TEST_F(DrainsTest, WhereNoOtherCouldHoldTheRequestADrainingMachineMayBeOffered) {
  joins(1, 1);
  joins(2);
  changes(2, true, 5 * kMs);
  offers({2}, 8 * kMs);
  EXPECT_THAT(drains.violations(), IsEmpty());
}

TEST_F(DrainsTest, AMachineThatIsGoneIsNoOther) {
  joins(1);
  joins(2);
  changes(2, true, 5 * kMs);
  drains.told(kRouter, MachineLeft{MachineId{1}});
  offers({2}, 8 * kMs);
  EXPECT_THAT(drains.violations(), IsEmpty());
}

}  // namespace
}  // namespace troupe::hunt
