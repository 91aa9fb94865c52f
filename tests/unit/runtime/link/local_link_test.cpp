// The local link on a hand-turned clock.
#include "runtime/link/local_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/runtime/link/slab_fixture.hpp"

namespace troupe::link {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class LocalLinkTest : public testing::Test {
 protected:
  LocalLinkTest() {
    LocalOptions options;
    options.later = [this](std::chrono::nanoseconds delay, std::function<void()> what) {
      agenda.emplace(now + delay, std::move(what));
    };
    options.now = [this] { return now; };
    options.latency = 10us;
    options.bytes_per_second = 1e9;
    options.piece_bytes = 128 * 1024;  // the four blocks of a layer
    options.fault = [this](const Travelling& piece) {
      return faults.contains(piece.number) ? faults[piece.number] : Fault{};
    };
    network = LocalNetwork::make(options);
    a = network->add_node();
    b = network->add_node();
    from.fill(1);
    a_slab = a->add_slab(from.memory, from.layout);
    b_slab = b->add_slab(to.memory, to.layout);
    b_of_a = a->add_peer(b->address()).value();
    a_of_b = b->add_peer(a->address()).value();
  }

  void run() {
    while (!agenda.empty()) {
      auto next = agenda.extract(agenda.begin());
      now = next.key();
      next.mapped()();
    }
  }
  void open() {
    b->open_landing({kTicket, a_of_b, b_slab, block_range(5, 4)},
                    [this](Result<Arrival> result) { arrivals.push_back(result); });
  }
  void push() {
    Push all;
    all.ticket = kTicket;
    all.slab = a_slab;
    all.blocks = block_range(0, 4);
    all.layers = 3;
    all.last = true;
    a->push(b_of_a, all, [this](Result<Pushed> result) { pushes.push_back(result); });
  }

  static constexpr Ticket kTicket{1, 2};
  std::multimap<std::chrono::nanoseconds, std::function<void()>> agenda;
  std::chrono::nanoseconds now{};
  std::map<std::uint64_t, Fault> faults;
  TestSlab from{8};
  TestSlab to{12};
  std::shared_ptr<LocalNetwork> network;
  std::unique_ptr<Link> a;
  std::unique_ptr<Link> b;
  SlabId a_slab;
  SlabId b_slab;
  PeerId b_of_a;
  PeerId a_of_b;
  std::vector<Result<Arrival>> arrivals;
  std::vector<Result<Pushed>> pushes;
};

TEST_F(LocalLinkTest, ATransferTakesItsBytesOverTheBandwidthAndALatency) {
  open();
  push();
  run();
  ASSERT_EQ(arrivals.size(), 1u);
  ASSERT_TRUE(arrivals[0].ok());
  EXPECT_TRUE(same_blocks(from, block_range(0, 4), to, block_range(5, 4)));
  const auto bytes = static_cast<std::int64_t>(4 * from.layout.block_bytes());
  EXPECT_EQ(pushes.at(0)->time.count(), bytes + 10'000);
  EXPECT_EQ(arrivals[0]->first_to_last.count(), bytes / 3 * 2);
  EXPECT_EQ(arrivals[0]->bytes, static_cast<std::size_t>(bytes));
}

TEST_F(LocalLinkTest, ADroppedPieceLeavesTheLandingOpenUntilItIsClosed) {
  faults[1].kind = Fault::Kind::kDrop;
  open();
  push();
  run();
  EXPECT_TRUE(arrivals.empty());
  EXPECT_TRUE(pushes.at(0).ok());
  b->close_landing(kTicket);
  run();
  EXPECT_EQ(arrivals.at(0).error().code, ErrorCode::kCancelled);
}

TEST_F(LocalLinkTest, AFlippedBitIsFoundOut) {
  faults[1].kind = Fault::Kind::kCorrupt;
  open();
  push();
  run();
  EXPECT_EQ(arrivals.at(0).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(b->counters().checksum_failures, 1u);
}

TEST_F(LocalLinkTest, ARepeatedPieceIsRefusedAndTheTransferArrives) {
  faults[0].kind = Fault::Kind::kDuplicate;
  open();
  push();
  run();
  EXPECT_TRUE(arrivals.at(0).ok());
  EXPECT_EQ(b->counters().pieces_refused, 1u);
}

TEST_F(LocalLinkTest, APieceThatIsOvertakenByTheLastStillArrives) {
  faults[0].delay = 1s;
  open();
  push();
  run();
  EXPECT_TRUE(arrivals.at(0).ok());
  EXPECT_TRUE(same_blocks(from, block_range(0, 4), to, block_range(5, 4)));
}

TEST_F(LocalLinkTest, ASenderThatWritesItsBlocksBeforeThePushIsDoneIsFoundOut) {
  open();
  push();
  from.memory[from.layout.offset(2, 3)] ^= std::byte{1};
  run();
  EXPECT_THAT(arrivals.at(0).error().message, HasSubstr("checksum"));
}

TEST_F(LocalLinkTest, WhatComesAfterTheArrivalOrWithoutALandingIsRefused) {
  push();
  run();
  EXPECT_EQ(b->counters().pieces_refused, 3u);
  EXPECT_TRUE(to.untouched());
  open();
  push();
  run();
  push();
  run();
  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(b->counters().pieces_refused, 6u);
}

TEST_F(LocalLinkTest, ATicketOpenedForAnotherPeerIsNoTicket) {
  auto c = network->add_node();
  const PeerId c_of_b = b->add_peer(c->address()).value();
  b->open_landing({kTicket, c_of_b, b_slab, block_range(5, 4)},
                  [this](Result<Arrival> result) { arrivals.push_back(result); });
  push();
  run();
  EXPECT_TRUE(arrivals.empty());
  EXPECT_TRUE(to.untouched());
  b.reset();
  EXPECT_EQ(arrivals.at(0).error().code, ErrorCode::kCancelled);
}

TEST_F(LocalLinkTest, DroppingThePeerEndsPushesAndLandingsAndLeavesNothingToWrite) {
  open();
  push();
  bool dropped_by_a = false;
  bool dropped_by_b = false;
  a->drop_peer(b_of_a, [&] { dropped_by_a = true; });
  b->drop_peer(a_of_b, [&] { dropped_by_b = true; });
  run();
  EXPECT_TRUE(dropped_by_a && dropped_by_b);
  EXPECT_EQ(arrivals.at(0).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(pushes.at(0).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(to.untouched());
}

TEST_F(LocalLinkTest, ANodeThatDiedIsHeardOfOnlyWhenItIsDropped) {
  open();
  push();
  b.reset();
  run();
  EXPECT_TRUE(pushes.empty());
  a->drop_peer(b_of_a, [] {});
  run();
  EXPECT_EQ(pushes.at(0).error().code, ErrorCode::kUnavailable);
}

TEST_F(LocalLinkTest, APeerThatWasDroppedMayBeAddedAgainAtOnce) {
  EXPECT_EQ(a->add_peer(b->address()).error().code, ErrorCode::kInvalidInput);
  bool dropped = false;
  a->drop_peer(b_of_a, [&] { dropped = true; });
  const auto again = a->add_peer(b->address());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_FALSE(*again == b_of_a);
  run();
  EXPECT_TRUE(dropped);
}

TEST_F(LocalLinkTest, AddressesOfNobodyAreRefused) {
  EXPECT_EQ(a->add_peer("nonsense").error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(a->add_peer("local:").error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(a->add_peer("local:77").error().code, ErrorCode::kUnavailable);
}

TEST_F(LocalLinkTest, ALinkMayCarryBetweenSlabsOfItsOwnNode) {
  const auto self = a->add_peer(a->address()).value();
  const auto other_slab = a->add_slab(to.memory, to.layout);
  a->open_landing({kTicket, self, other_slab, block_range(5, 4)},
                  [this](Result<Arrival> result) { arrivals.push_back(result); });
  a->push(self, {kTicket, a_slab, block_range(0, 4), 0, 0, 3, true, {}}, [](Result<Pushed>) {});
  run();
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_TRUE(arrivals[0].ok());
  EXPECT_TRUE(same_blocks(from, block_range(0, 4), to, block_range(5, 4)));
}

TEST_F(LocalLinkTest, AProbeTakesTwoLatenciesAndItsBytesOverTheBandwidth) {
  std::vector<Result<Probe>> probes;
  a->probe(b_of_a, [&](Result<Probe> result) { probes.push_back(result); });
  a->probe(b_of_a, [&](Result<Probe> result) { probes.push_back(result); });
  run();
  ASSERT_EQ(probes.size(), 2u);
  EXPECT_EQ(probes[0].error().code, ErrorCode::kOverloaded);
  ASSERT_TRUE(probes[1].ok());
  EXPECT_EQ(probes[1]->round_trip, 20us);
  EXPECT_DOUBLE_EQ(probes[1]->bytes_per_second, 1e9);
}

TEST_F(LocalLinkTest, AProbeOfANodeThatDiedOrWasDroppedEnds) {
  std::vector<Result<Probe>> probes;
  a->probe(b_of_a, [&](Result<Probe> result) { probes.push_back(result); });
  b.reset();
  run();
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].error().code, ErrorCode::kUnavailable);
  a->probe(b_of_a, [&](Result<Probe> result) { probes.push_back(result); });
  a->drop_peer(b_of_a, [] {});
  run();
  ASSERT_EQ(probes.size(), 2u);
  EXPECT_EQ(probes[1].error().message, "the peer was dropped");
}

}  // namespace
}  // namespace troupe::link
