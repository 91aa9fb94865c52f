// One KV block that was ever used.
// Owns: the block's state and generation. Promises: a block is free only when its holder gave it up and no writer is
// left; lives come one after the other. Refuses: a life with an event that is illegal in its state, that does not end,
// or that began before the last one, which is a bug and ends the process.
#pragma once

#include "actors/messages/blocks.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Block final : public exec::Actor<BlockActor::base> {
 public:
  Block(caf::actor_config& config, BlockId id, PoolActor pool);
  const char* name() const override { return "block"; }

 protected:
  BlockActor::behavior_type make_behavior() override;
  void on_exit() override { pool_ = nullptr; }

 private:
  void on(const MoveBlock& move);
  void take(BlockEvent event);

  BlockId id_;
  PoolActor pool_;
  BlockState state_ = BlockState::kFree;
  Generation generation_;
};

}  // namespace troupe
