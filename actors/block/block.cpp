#include "actors/block/block.hpp"

#include <caf/send.hpp>

#include "runtime/base/check.hpp"

namespace troupe {

Block::Block(caf::actor_config& config, BlockId id, PoolActor pool) : Actor(config), id_(id), pool_(std::move(pool)) {}

BlockActor::behavior_type Block::make_behavior() {
  return {[this](const MoveBlock& move) { on(move); }};
}

void Block::on(const MoveBlock& move) {
  CHECK(state_ == BlockState::kFree && move.generation > generation_, id_, to_string(state_), generation_,
        move.generation);
  generation_ = move.generation;
  for (const BlockEvent event : move.events) take(event);
  CHECK(state_ == BlockState::kFree, id_, generation_, to_string(state_));
  send(pool_, BlockFreed{{id_, generation_}});
}

void Block::take(BlockEvent event) {
  const auto next = next_state(state_, event);
  CHECK(next.has_value(), "block", id_, "generation", generation_, to_string(state_), to_string(event));
  state_ = *next;
}

}  // namespace troupe
