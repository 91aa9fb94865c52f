// Two links in one process, over each transport.
#include "runtime/link/ucx_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/runtime/link/ucx_fixture.hpp"

namespace troupe::link {
namespace {

using testing::HasSubstr;

/// `a` sends, `b` receives.
class UcxLinkTest : public testing::TestWithParam<Transport> {
 protected:
  UcxLinkTest() : a(only(GetParam()), 16), b(only(GetParam()), 24) {
    a.memory.fill(1);
    const Pair pair = introduce(a, b, GetParam());
    b_of_a = pair.b_of_a;
    a_of_b = pair.a_of_b;
  }

  Heard<Result<Arrival>> open(Ticket ticket, std::vector<BlockId> blocks) {
    Heard<Result<Arrival>> arrived;
    b.link->open_landing({ticket, a_of_b, b.slab, std::move(blocks)}, arrived.callback());
    settle(*b.link);
    return arrived;
  }
  Result<Pushed> push(Push push) {
    Heard<Result<Pushed>> pushed;
    a.link->push(b_of_a, std::move(push), pushed.callback());
    return pushed.get();
  }

  static constexpr Ticket kTicket{7, 8};
  Node a;
  Node b;
  PeerId b_of_a;
  PeerId a_of_b;
};

TEST_P(UcxLinkTest, AWholeTransferLandsInOtherBlocksOfASlabOfAnotherSize) {
  const auto from = blocks({3, 4, 9, 1});
  const auto to = blocks({20, 2, 5, 6});
  auto arrived = open(kTicket, to);
  Push all = whole(a, kTicket, from);
  all.note = {std::byte{42}, std::byte{43}};
  const auto pushed = push(all);
  ASSERT_TRUE(pushed.ok()) << pushed.error().message;
  const auto arrival = arrived.get();
  ASSERT_TRUE(arrival.ok()) << arrival.error().message;
  EXPECT_TRUE(same_blocks(a.memory, from, b.memory, to));
  EXPECT_EQ(arrival->note, all.note);
  EXPECT_EQ(arrival->bytes, 4 * a.memory.layout.block_bytes());
  EXPECT_EQ(b.link->counters().bytes_received, arrival->bytes + 2);
}

TEST_P(UcxLinkTest, LayerGroupsAndPlacesLandInAnyOrder) {
  const auto from = block_range(0, 6);
  const auto to = block_range(10, 6);
  auto arrived = open(kTicket, to);
  std::vector<Heard<Result<Pushed>>> done(4);
  int at = 0;
  for (const std::int32_t layer : {2, 0, 1}) {
    Push some = whole(a, kTicket, block_range(2, 4));
    some.first_place = 2;
    some.first_layer = layer;
    some.layers = 1;
    some.last = false;
    a.link->push(b_of_a, some, done[at++].callback());
  }
  a.link->push(b_of_a, whole(a, kTicket, block_range(0, 2)), done[at].callback());
  for (auto& one : done) EXPECT_TRUE(one.get().ok());
  ASSERT_TRUE(arrived.get().ok());
  EXPECT_TRUE(same_blocks(a.memory, from, b.memory, to));
}

TEST_P(UcxLinkTest, ManyTransfersAtOnceEachArriveOnce) {
  std::vector<Heard<Result<Arrival>>> arrived;
  std::vector<Heard<Result<Pushed>>> pushed(8);
  for (std::uint32_t i = 0; i < 8; ++i) arrived.push_back(open({1, i}, block_range(3 * i, 3)));
  for (std::uint32_t i = 0; i < 8; ++i) {
    a.link->push(b_of_a, whole(a, {1, i}, block_range(i, 3)), pushed[i].callback());
  }
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(pushed[i].get().ok());
    EXPECT_TRUE(arrived[i].get().ok());
    EXPECT_TRUE(same_blocks(a.memory, block_range(i, 3), b.memory, block_range(3 * i, 3)));
  }
}

TEST_P(UcxLinkTest, APieceUnderATicketThatNobodyOpenedIsRefused) {
  auto arrived = open(kTicket, block_range(0, 2));
  EXPECT_TRUE(push(whole(a, {7, 9}, block_range(0, 2))).ok());
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 2))).ok());
  EXPECT_TRUE(arrived.get().ok());
  EXPECT_EQ(b.link->counters().pieces_refused, 1u);
}

TEST_P(UcxLinkTest, AReplayAfterTheArrivalChangesNothing) {
  auto arrived = open(kTicket, block_range(0, 2));
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 2))).ok());
  ASSERT_TRUE(arrived.get().ok());
  const auto before = b.memory.memory;
  a.memory.fill(99);
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 2))).ok());
  auto fence = open({1, 1}, block_range(8, 1));
  EXPECT_TRUE(push(whole(a, {1, 1}, block_range(8, 1))).ok());
  EXPECT_TRUE(fence.get().ok());
  EXPECT_TRUE(same_blocks(a.memory, block_range(8, 1), b.memory, block_range(8, 1)));
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    const std::size_t at = b.memory.layout.offset(layer, 0);
    EXPECT_EQ(std::memcmp(before.data() + at, b.memory.memory.data() + at, b.memory.layout.layer_block_bytes()), 0);
  }
  EXPECT_EQ(b.link->counters().pieces_refused, 1u);
}

TEST_P(UcxLinkTest, AClosedLandingIsCancelledAndRefusesWhatComesLater) {
  auto arrived = open(kTicket, block_range(0, 2));
  b.link->close_landing(kTicket);
  EXPECT_EQ(arrived.get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 2))).ok());
  auto fence = open({1, 1}, block_range(8, 1));
  EXPECT_TRUE(push(whole(a, {1, 1}, block_range(8, 1))).ok());
  EXPECT_TRUE(fence.get().ok());
  EXPECT_EQ(b.link->counters().pieces_refused, 1u);
  const auto first = b.memory.at(0, BlockId{0});
  EXPECT_TRUE(std::all_of(first.begin(), first.end(), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_P(UcxLinkTest, ATicketOpenedForAnotherPeerIsNoTicket) {
  Node c(only(GetParam()), 16);
  const auto [b_of_c, c_of_b] = introduce(c, b, GetParam());
  auto arrived = open(kTicket, block_range(0, 2));
  Heard<Result<Pushed>> pushed;
  c.link->push(b_of_c, whole(c, kTicket, block_range(0, 2)), pushed.callback());
  EXPECT_TRUE(pushed.get().ok());
  Heard<Result<Arrival>> fence;
  b.link->open_landing({{1, 1}, c_of_b, b.slab, block_range(8, 1)}, fence.callback());
  settle(*b.link);
  c.link->push(b_of_c, whole(c, {1, 1}, block_range(8, 1)), [](auto) {});
  EXPECT_TRUE(fence.get().ok());
  EXPECT_EQ(b.link->counters().pieces_refused, 1u);
  EXPECT_TRUE(b.memory.untouched());
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 2))).ok());
  EXPECT_TRUE(arrived.get().ok());
}

TEST_P(UcxLinkTest, ALastPieceThatLeavesHolesFailsTheLanding) {
  auto arrived = open(kTicket, block_range(0, 4));
  EXPECT_TRUE(push(whole(a, kTicket, block_range(0, 3))).ok());
  const auto arrival = arrived.get();
  EXPECT_EQ(arrival.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(arrival.error().message, HasSubstr("never sent"));
}

TEST_P(UcxLinkTest, PushesAndLandingsThatMakeNoSenseAreRefusedAtOnce) {
  EXPECT_EQ(push(whole(a, kTicket, blocks({16}))).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(open(kTicket, blocks({24})).get().error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(open(kTicket, blocks({1, 1})).get().error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(open(kTicket, {}).get().error().code, ErrorCode::kInvalidInput);
  Push nowhere = whole(a, kTicket, block_range(0, 1));
  nowhere.slab = SlabId{5};
  EXPECT_EQ(push(nowhere).error().code, ErrorCode::kInvalidInput);
}

TEST_P(UcxLinkTest, DroppingAPeerEndsItsLandingsAndLaterPushes) {
  auto arrived = open(kTicket, block_range(0, 4));
  Heard<int> dropped;
  b.link->drop_peer(a_of_b, [done = dropped.callback()] { done(1); });
  dropped.get();
  EXPECT_EQ(arrived.get().error().code, ErrorCode::kUnavailable);
  Heard<Result<Pushed>> pushed;
  b.link->push(a_of_b, whole(b, kTicket, block_range(0, 1)), pushed.callback());
  EXPECT_EQ(pushed.get().error().code, ErrorCode::kUnavailable);
}

TEST_P(UcxLinkTest, DroppingAPeerEndsEveryPushToItOnce) {
  std::vector<Heard<Result<Pushed>>> pushed(1000);  // far more than can be through before the drop
  for (auto& one : pushed) a.link->push(b_of_a, whole(a, kTicket, block_range(0, 16)), one.callback());
  Heard<int> dropped;
  a.link->drop_peer(b_of_a, [done = dropped.callback()] { done(1); });
  dropped.get();
  int lost = 0;
  for (auto& one : pushed) {
    const auto outcome = one.get();
    if (outcome.ok()) continue;
    EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
    ++lost;
  }
  EXPECT_GT(lost, 0);
}

TEST_P(UcxLinkTest, ALinkThatEndsEndsWhatItWasAskedFor) {
  auto arrived = open(kTicket, block_range(0, 4));
  b.link.reset();
  EXPECT_EQ(arrived.get().error().code, ErrorCode::kCancelled);
}

TEST_P(UcxLinkTest, SixtyFourMebibytesArriveWhole) {
  Node from(only(GetParam()), 64, 32, 64);
  Node to(only(GetParam()), 80, 32, 64);
  from.memory.fill(5);
  const auto [there, here] = introduce(from, to, GetParam());
  ASSERT_EQ(from.memory.layout.slab_bytes(), std::size_t{64} << 20);
  std::vector<BlockId> scattered;
  for (std::uint32_t i = 0; i < 64; ++i) scattered.push_back(BlockId{(i * 37) % 80});
  Heard<Result<Arrival>> arrived;
  to.link->open_landing({kTicket, here, to.slab, scattered}, arrived.callback());
  settle(*to.link);
  from.link->push(there, whole(from, kTicket, block_range(0, 64)), [](auto) {});
  const auto arrival = arrived.get();
  ASSERT_TRUE(arrival.ok()) << arrival.error().message;
  EXPECT_EQ(arrival->bytes, std::size_t{64} << 20);
  EXPECT_TRUE(same_blocks(from.memory, block_range(0, 64), to.memory, scattered));
}

TEST_P(UcxLinkTest, ThePathSaysHowAPeerIsReached) {
  EXPECT_THAT(a.link->path(b_of_a).why,
              HasSubstr(GetParam() == Transport::kTcp ? "this node does not use shared memory" : "no cma"));
  EXPECT_EQ(a.link->path(PeerId{99}).transport, "none");
}

INSTANTIATE_TEST_SUITE_P(Over, UcxLinkTest, testing::Values(Transport::kSharedMemory, Transport::kTcp), name_of);

}  // namespace
}  // namespace troupe::link
