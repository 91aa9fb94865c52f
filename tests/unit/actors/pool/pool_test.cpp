#include "actors/pool/pool.hpp"

#include <set>

#include <gtest/gtest.h>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "runtime/exec/system.hpp"
#include "runtime/trace/hook.hpp"

namespace troupe {
namespace {

/// What a holder of leases was told.
struct Told {
  std::vector<BlocksReserved> reserved;
  std::vector<BlocksRefused> refused;
  std::vector<BlocksAvailable> available;
};

class Holder final : public exec::Actor<LeaseHolderActor::base> {
 public:
  Holder(caf::actor_config& config, std::shared_ptr<Told> told) : Actor(config), told_(std::move(told)) {}
  LeaseHolderActor::behavior_type make_behavior() override {
    return {[this](BlocksReserved& m) { told_->reserved.push_back(std::move(m)); },
            [this](BlocksRefused& m) { told_->refused.push_back(m); },
            [this](BlocksAvailable& m) { told_->available.push_back(m); }};
  }

 private:
  std::shared_ptr<Told> told_;
};

struct PoolTest : testing::Test {
  exec::VirtualSystem system;
  std::shared_ptr<Told> told = std::make_shared<Told>();
  LeaseHolderActor holder = system.spawn<Holder>(told);
  PoolActor pool = system.spawn<Pool>(10);
  std::uint64_t ticket = 0;

  void reserve(std::uint64_t request, std::int32_t count) {
    caf::anon_send(pool, ReserveBlocks{RequestId{request}, ++ticket, count, holder});
    system.settle();
  }
  void release(std::uint64_t request) {
    caf::send_as(holder, pool, ReleaseBlocks{RequestId{request}});
    system.settle();
  }
  PoolState state() {
    caf::scoped_actor self{system.actors()};
    auto answer = self->request(pool, caf::infinite, QueryPool{});
    system.settle();
    PoolState state;
    answer.receive([&](const PoolState& s) { state = s; }, [](caf::error&) { FAIL(); });
    return state;
  }
  std::int32_t in(BlockState which) { return state().by_state[static_cast<std::size_t>(which)]; }
};

TEST_F(PoolTest, a_lease_is_granted_whole_with_distinct_blocks) {
  reserve(1, 4);
  reserve(2, 6);
  ASSERT_EQ(told->reserved.size(), 2u);
  std::set<std::uint32_t> blocks;
  for (const auto& grant : told->reserved)
    for (const auto& life : grant.blocks) blocks.insert(life.block.value);
  EXPECT_EQ(blocks.size(), 10u);
  EXPECT_EQ(in(BlockState::kReserved), 10);
  EXPECT_EQ(in(BlockState::kFree), 0);
}

TEST_F(PoolTest, more_than_is_free_is_refused_whole_and_takes_nothing) {
  reserve(1, 8);
  reserve(2, 3);
  ASSERT_EQ(told->refused.size(), 1u);
  EXPECT_EQ(told->refused[0].free, 2);
  EXPECT_EQ(told->refused[0].ticket, 2u);
  EXPECT_EQ(in(BlockState::kFree), 2);
}

TEST_F(PoolTest, after_a_refusal_the_holder_hears_once_of_room) {
  reserve(1, 8);
  reserve(2, 3);
  reserve(3, 3);
  release(1);
  ASSERT_EQ(told->available.size(), 1u);
  EXPECT_EQ(told->available[0].free, 10);
}

TEST_F(PoolTest, two_holders_of_one_request_give_up_their_own_blocks_alone) {
  reserve(1, 4);
  const LeaseHolderActor other = system.spawn<Holder>(told);
  caf::anon_send(pool, ReserveBlocks{RequestId{1}, ++ticket, 3, other});
  system.settle();
  release(1);
  EXPECT_EQ(in(BlockState::kReserved), 3);
  caf::anon_send(pool, ReleaseBlocks{RequestId{1}});  // nobody's
  system.settle();
  EXPECT_EQ(in(BlockState::kReserved), 3);
  caf::send_as(other, pool, ReleaseBlocks{RequestId{1}});
  system.settle();
  EXPECT_EQ(in(BlockState::kFree), 10);
}

TEST_F(PoolTest, blocks_that_another_machine_was_to_write_come_home_when_they_are_given_up) {
  reserve(1, 2);
  caf::anon_send(pool, AdvertiseBlocks{told->reserved.at(0).blocks});
  EXPECT_EQ(in(BlockState::kAdvertised), 2);
  release(1);
  EXPECT_EQ(in(BlockState::kFree), 10);
}

TEST_F(PoolTest, a_block_is_free_again_only_when_its_actor_says_so) {
  reserve(1, 2);
  caf::send_as(holder, pool, ReleaseBlocks{RequestId{1}});
  auto& scheduler = dynamic_cast<exec::VirtualScheduler&>(system.actors().scheduler());
  ASSERT_TRUE(scheduler.run_one());  // the pool; its blocks have yet to be heard
  EXPECT_GT(scheduler.ready(), 0u);
  system.settle();
  EXPECT_EQ(in(BlockState::kFree), 10);
}

/// Counts what blocks are told.
struct MoveCounter final : trace::Watcher {
  MoveCounter() { trace::watching = this; }
  ~MoveCounter() override { trace::watching = nullptr; }
  void handles(caf::actor_id, const char*, const caf::mailbox_element& element, const caf::actor_clock&) override {
    moves += element.content().match_elements<MoveBlock>();
  }
  int moves = 0;
};

TEST_F(PoolTest, a_block_hears_of_a_life_once_and_when_it_ends) {
  const MoveCounter counter;
  reserve(1, 3);
  caf::anon_send(pool, CommitBlocks{told->reserved.at(0).blocks});
  system.settle();
  EXPECT_EQ(counter.moves, 0);
  release(1);
  EXPECT_EQ(counter.moves, 3);
  EXPECT_EQ(in(BlockState::kFree), 10);
}

TEST_F(PoolTest, each_life_of_a_block_has_its_own_generation) {
  reserve(1, 10);
  const auto first = told->reserved.back().blocks;
  release(1);
  reserve(2, 10);
  const auto second = told->reserved.back().blocks;
  for (const auto& a : first)
    for (const auto& b : second)
      if (a.block == b.block) {
        EXPECT_LT(a.generation, b.generation);
      }
}

TEST_F(PoolTest, a_commit_for_an_earlier_life_changes_nothing) {
  reserve(1, 1);
  const auto old = told->reserved.back().blocks;
  release(1);
  reserve(2, 10);
  caf::anon_send(pool, CommitBlocks{old});
  system.settle();
  EXPECT_EQ(in(BlockState::kCommitted), 0);
  caf::anon_send(pool, CommitBlocks{told->reserved.back().blocks});
  system.settle();
  EXPECT_EQ(in(BlockState::kCommitted), 10);
}

TEST_F(PoolTest, releasing_what_is_not_held_changes_nothing) {
  release(42);
  EXPECT_EQ(in(BlockState::kFree), 10);
}

TEST_F(PoolTest, tells_who_holds_how_many_blocks_in_which_state_the_oldest_first) {
  reserve(1, 4);
  system.pass(std::chrono::seconds{3});
  caf::anon_send(pool, ReserveBlocks{RequestId{2}, ++ticket, 3, holder, NodeId{7}});
  system.settle();
  caf::anon_send(pool, CommitBlocks{{told->reserved[0].blocks[0]}});
  system.pass(std::chrono::seconds{2});
  reserve(1, 1);
  caf::scoped_actor self{system.actors()};
  auto asked = self->request(pool, caf::infinite, QueryLeases{});
  system.settle();
  PoolLeases all;
  asked.receive([&](const PoolLeases& found) { all = found; }, [](caf::error&) { FAIL(); });
  ASSERT_EQ(all.leases.size(), 2u);
  EXPECT_EQ(all.leases[0].request, RequestId{1});
  EXPECT_EQ(all.leases[0].held_ns, 5'000'000'000);
  EXPECT_EQ(all.leases[0].by_state, (BlockCounts{0, 4, 0, 0, 1, 0}));
  EXPECT_EQ(all.leases[0].sent_to, std::nullopt);
  EXPECT_EQ(all.leases[1].sent_to, NodeId{7});
  EXPECT_EQ(all.leases[1].held_ns, 2'000'000'000);
  EXPECT_EQ(all.blocks.total, 10);
}

// Who waits for blocks holds the pool: two dead actors that hold each other, and a device with them, would stay for
// ever.
TEST_F(PoolTest, one_that_ends_lets_go_of_those_it_refused) {
  reserve(1, 10);
  reserve(2, 1);
  ASSERT_EQ(told->refused.size(), 1u);
  caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(holder, caf::exit_reason::user_shutdown);
  system.settle();
  holder = nullptr;
  EXPECT_EQ(told.use_count(), 1);
}

}  // namespace
}  // namespace troupe
