#include <future>

#include <gtest/gtest.h>

#include "runtime/link/copy_link.hpp"
#include "tests/unit/runtime/link/slab_fixture.hpp"

namespace troupe::link {
namespace {

/// Two slabs of one process and the link between them. Outcomes come from the link's thread.
struct CopyLinkTest : testing::Test {
  CopyLinkTest() {
    from.fill(1);
    from_slab = link->add_slab(from.memory, from.layout);
    to_slab = link->add_slab(to.memory, to.layout);
    self = link->add_peer(link->address()).value();
  }

  std::future<Result<Arrival>> open(Ticket ticket, std::vector<BlockId> blocks) {
    auto outcome = std::make_shared<std::promise<Result<Arrival>>>();
    link->open_landing({ticket, self, to_slab, std::move(blocks)},
                       [outcome](Result<Arrival> how) { outcome->set_value(std::move(how)); });
    return outcome->get_future();
  }
  std::future<Result<Pushed>> push(Push what) {
    auto outcome = std::make_shared<std::promise<Result<Pushed>>>();
    link->push(self, std::move(what), [outcome](Result<Pushed> how) { outcome->set_value(std::move(how)); });
    return outcome->get_future();
  }

  TestSlab from{8};
  TestSlab to{12};
  std::unique_ptr<Link> link = start_copy_link();
  SlabId from_slab, to_slab;
  PeerId self;
};

TEST_F(CopyLinkTest, LayersThatArePushedOneAfterTheOtherArriveWithTheNote) {
  auto arrival = open({1, 2}, block_range(5, 4));
  const std::vector<std::byte> note{std::byte{7}};
  for (std::int32_t layer = 0; layer < 3; ++layer) {
    Push part{{1, 2}, from_slab, block_range(0, 4), 0, layer, 1, layer == 2, {}};
    if (part.last) part.note = note;
    EXPECT_TRUE(push(std::move(part)).get().ok());
  }
  const auto how = arrival.get();
  ASSERT_TRUE(how.ok()) << how.error().message;
  EXPECT_EQ(how->note, note);
  EXPECT_EQ(how->bytes, 4 * from.layout.block_bytes());
  EXPECT_TRUE(same_blocks(from, block_range(0, 4), to, block_range(5, 4)));
}

TEST_F(CopyLinkTest, WhatComesAfterALandingWasClosedChangesNothing) {
  auto arrival = open({1, 2}, block_range(5, 4));
  link->close_landing({1, 2});
  EXPECT_EQ(arrival.get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(push({{1, 2}, from_slab, block_range(0, 4), 0, 0, 3, true, {}}).get().ok());
  EXPECT_TRUE(to.untouched());
}

TEST_F(CopyLinkTest, MeasuresHowFastItCopies) {
  std::promise<Result<Probe>> measured;
  link->probe(self, [&](Result<Probe> how) { measured.set_value(std::move(how)); });
  const auto probe = measured.get_future().get();
  ASSERT_TRUE(probe.ok());
  EXPECT_GT(probe->bytes_per_second, 0);
  EXPECT_GT(probe->round_trip.count(), 0);
}

TEST_F(CopyLinkTest, EndsWhatIsOpenWhenItIsDestroyed) {
  auto arrival = open({1, 2}, block_range(5, 4));
  link.reset();
  EXPECT_EQ(arrival.get().error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace troupe::link
