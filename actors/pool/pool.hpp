// The KV blocks of one device.
// Owns: the free list, the leases (which request holds which blocks), the block actors. Promises: conservation, free +
// held = all; a lease is granted whole or refused whole; after a refusal the holder hears of the next room. Refuses:
// more than is free.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "actors/messages/blocks.hpp"
#include "actors/messages/request.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Pool final : public exec::Actor<PoolActor::base> {
 public:
  /// `blocks`: how many the device's slab holds.
  Pool(caf::actor_config& config, std::int32_t blocks);
  const char* name() const override { return "pool"; }

 protected:
  PoolActor::behavior_type make_behavior() override;
  void on_exit() override { refused_.clear(); }  // who hold the pool themselves

 private:
  struct Slot {
    BlockActor actor;  // spawned at the end of the block's first life, then kept for its later ones
    Generation generation;
    BlockState state = BlockState::kFree;  // as ordered; the block actor alone decides when it is free
    BlockEvents untold = {};               // of this life, which the actor hears of when it ends
  };

  struct Lease {
    std::vector<BlockLife> blocks;
    std::optional<NodeId> sent_to;
    TimePoint since;
  };

  /// One request may hold blocks twice: for tokens generated here, and for a prompt that runs here for elsewhere.
  using LeaseKey = std::pair<RequestId, caf::actor_id>;

  void on(ReserveBlocks& reserve);
  void on(const AdvertiseBlocks& advertise);
  void on(const CommitBlocks& commit);
  void on(const ReleaseBlocks& release);
  void on(const BlockFreed& freed);
  PoolState state() const;
  PoolLeases leases() const;
  void move(BlockLife life, BlockEvent event, std::optional<BlockEvent> then = std::nullopt);
  void set_state(Slot& slot, BlockState state);
  void check() const;
  std::int32_t free() const {
    return total_ - static_cast<std::int32_t>(slots_.size()) + static_cast<std::int32_t>(free_.size());
  }
  BlockId take_free();

  std::int32_t total_;
  std::vector<Slot> slots_;    // of the blocks that were ever used; the next one's id is the number of them
  BlockCounts by_state_{};     // of all
  std::vector<BlockId> free_;  // of those that were ever used
  std::map<LeaseKey, Lease> leases_;
  std::int32_t coming_home_ = 0;           // given up, and their BlockFreed not yet here
  std::vector<LeaseHolderActor> refused_;  // to be told once of room
};

}  // namespace troupe
