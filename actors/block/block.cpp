#include "actors/block/block.hpp"

#include <caf/send.hpp>

#include "runtime/base/check.hpp"

namespace troupe {

Block::Block(caf::actor_config& config, BlockId id, PoolActor pool) : Actor(config), id_(id), pool_(std::move(pool)) {}

BlockActor::behavior_type Block::make_behavior() {
  return {[this](const MoveBlock& move) { on(move); }};
}

void Block::on(const MoveBlock& move) {
  if (move.event == BlockEvent::kReserve) {
    CHECK(state_ == BlockState::kFree && move.generation > generation_, id_, to_string(state_), generation_,
          move.generation);
    generation_ = move.generation;
  }
  if (move.generation != generation_) return;
  const auto next = next_state(state_, move.event);
  CHECK(next.has_value(), "block", id_, "generation", generation_, to_string(state_), to_string(move.event));
  state_ = *next;
  if (state_ == BlockState::kFree) send(pool_, BlockFreed{{id_, generation_}});
}

}  // namespace troupe
