#include "runtime/link/modelled_link.hpp"

#include <map>

#include <gtest/gtest.h>

#include "tests/unit/runtime/link/slab_fixture.hpp"

namespace troupe::link {
namespace {

using namespace std::chrono_literals;
using Nanoseconds = std::chrono::nanoseconds;

/// Machines whose slabs' bytes count a thousandfold, on cards of a gigabyte a second.
struct ModelledLinkTest : testing::Test {
  explicit ModelledLinkTest(std::size_t machines = 4) {
    ModelledOptions options;
    options.later = [this](Nanoseconds after, std::function<void()> what) {
      agenda.emplace(now + after, std::move(what));
    };
    options.now = [this] { return now; };
    options.latency = 1us;
    options.cards.assign(machines, Card{1e9, 1000});
    link = make_modelled_link(options);
    for (std::size_t i = 0; i < machines; ++i) {
      slabs.push_back(std::make_unique<TestSlab>(8));
      slabs.back()->fill(i + 1);
      ids.push_back(link->add_slab(slabs.back()->memory, slabs.back()->layout));
    }
    self = link->add_peer(link->address()).value();
  }

  void run() {
    while (!agenda.empty()) {
      auto next = agenda.extract(agenda.begin());
      now = next.key();
      next.mapped()();
    }
  }
  /// Sends four blocks under a ticket of its own, all layers at once, and tells when they have arrived.
  void send(std::size_t from, std::size_t to, std::uint64_t ticket) {
    link->open_landing({{0, ticket}, self, ids[to], block_range(4, 4)}, [this, ticket](Result<Arrival> how) {
      ASSERT_TRUE(how.ok()) << how.error().message;
      arrived[ticket] = now;
      under_way[ticket] = how->under_way;
    });
    link->push(self, {{0, ticket}, ids[from], block_range(0, 4), 0, 0, 3, true, {}},
               [this, ticket](Result<Pushed> how) { pushed[ticket] = how.ok(); });
  }

  std::multimap<Nanoseconds, std::function<void()>> agenda;
  Nanoseconds now{};
  std::vector<std::unique_ptr<TestSlab>> slabs;
  std::vector<SlabId> ids;
  std::unique_ptr<Link> link;
  PeerId self;
  std::map<std::uint64_t, Nanoseconds> arrived, under_way;
  std::map<std::uint64_t, bool> pushed;
  /// What four blocks take on one card.
  const Nanoseconds kOne{static_cast<std::int64_t>(4 * TestSlab(8).layout.block_bytes() * 1000)};
};

TEST_F(ModelledLinkTest, ATransferTakesItsModelledBytesOverTheBandwidthAndALatency) {
  send(0, 1, 1);
  run();
  EXPECT_EQ(arrived[1], kOne + 1us);
  EXPECT_EQ(under_way[1], kOne + 1us);
  EXPECT_TRUE(same_blocks(*slabs[0], block_range(0, 4), *slabs[1], block_range(4, 4)));
}

TEST_F(ModelledLinkTest, PairsThatShareNoCardDoNotMeet) {
  send(0, 1, 1);
  send(2, 3, 2);
  run();
  EXPECT_EQ(arrived[1], kOne + 1us);
  EXPECT_EQ(arrived[2], kOne + 1us);
}

TEST_F(ModelledLinkTest, ASenderSendsOneAfterTheOther) {
  send(0, 1, 1);
  send(0, 2, 2);
  run();
  EXPECT_EQ(arrived[1], kOne + 1us);
  EXPECT_EQ(arrived[2], 2 * kOne + 1us);
}

TEST_F(ModelledLinkTest, AReceiverReceivesOneAfterTheOther) {
  send(0, 3, 1);
  send(1, 3, 2);
  run();
  EXPECT_EQ(arrived[1], kOne + 1us);
  EXPECT_EQ(arrived[2], 2 * kOne + 1us);
}

TEST_F(ModelledLinkTest, WhatWaitsForItsSenderKeepsNobodyFromTheReceiver) {
  send(0, 1, 1);
  send(0, 3, 2);  // leaves when the first has left
  send(2, 3, 3);
  run();
  EXPECT_EQ(arrived[3], kOne + 1us);
  EXPECT_EQ(arrived[2], 2 * kOne + 1us);
}

TEST_F(ModelledLinkTest, AMachineSendsAndReceivesAtOnce) {
  send(0, 1, 1);
  send(1, 0, 2);
  run();
  EXPECT_EQ(arrived[1], kOne + 1us);
  EXPECT_EQ(arrived[2], kOne + 1us);
}

TEST_F(ModelledLinkTest, LayersThatWereSentAheadAreNotWaitedForAtTheEnd) {
  link->open_landing({{0, 1}, self, ids[1], block_range(4, 4)}, [this](Result<Arrival> how) {
    ASSERT_TRUE(how.ok()) << how.error().message;
    arrived[1] = now;
  });
  for (std::int32_t layer = 0; layer < 3; ++layer)
    agenda.emplace(layer * kOne, [this, layer] {
      link->push(self, {{0, 1}, ids[0], block_range(0, 4), 0, layer, 1, layer == 2, {}}, [](Result<Pushed>) {});
    });
  run();
  EXPECT_EQ(arrived[1], 2 * kOne + kOne / 3 + 1us);
  EXPECT_TRUE(same_blocks(*slabs[0], block_range(0, 4), *slabs[1], block_range(4, 4)));
}

TEST_F(ModelledLinkTest, WhatComesAfterALandingWasClosedChangesNothing) {
  std::vector<Error> why;
  const auto before = slabs[1]->memory;
  link->open_landing({{0, 1}, self, ids[1], block_range(4, 4)},
                     [&](Result<Arrival> how) { why.push_back(how.error()); });
  link->push(self, {{0, 1}, ids[0], block_range(0, 4), 0, 0, 3, true, {}}, [](Result<Pushed>) {});
  link->close_landing({0, 1});
  run();
  ASSERT_EQ(why.size(), 1u);
  EXPECT_EQ(why[0].code, ErrorCode::kCancelled);
  EXPECT_EQ(slabs[1]->memory, before);
  EXPECT_EQ(link->counters().pieces_refused, 1u);
}

TEST_F(ModelledLinkTest, DroppingItselfEndsWhatIsOpenAndWhatIsUnderWay) {
  std::vector<ErrorCode> ends;
  link->open_landing({{0, 1}, self, ids[1], block_range(4, 4)},
                     [&](Result<Arrival> how) { ends.push_back(how.error().code); });
  link->push(self, {{0, 1}, ids[0], block_range(0, 4), 0, 0, 3, true, {}},
             [&](Result<Pushed> how) { ends.push_back(how.error().code); });
  link->drop_peer(self, [] {});
  run();
  EXPECT_EQ(ends, (std::vector<ErrorCode>{ErrorCode::kUnavailable, ErrorCode::kUnavailable}));
}

TEST_F(ModelledLinkTest, AForeignAddressIsNoPeer) { EXPECT_FALSE(link->add_peer("local:1").ok()); }

TEST_F(ModelledLinkTest, ItsProbeTellsTheRateOfACard) {
  double rate = 0;
  link->probe(self, [&](Result<Probe> how) { rate = how->bytes_per_second; });
  run();
  EXPECT_EQ(rate, 1e9);
}

}  // namespace
}  // namespace troupe::link
