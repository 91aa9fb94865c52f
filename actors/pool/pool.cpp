#include "actors/pool/pool.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/block/block.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Pool::Pool(caf::actor_config& config, std::int32_t blocks) : Actor(config), total_(blocks) {
  by_state_[static_cast<std::size_t>(BlockState::kFree)] = blocks;
}

PoolActor::behavior_type Pool::make_behavior() {
  return {
      [this](ReserveBlocks& reserve) { on(reserve); },    [this](const AdvertiseBlocks& advertise) { on(advertise); },
      [this](const CommitBlocks& commit) { on(commit); }, [this](const ReleaseBlocks& release) { on(release); },
      [this](const BlockFreed& freed) { on(freed); },     [this](const QueryPool&) { return state(); },
      [this](const QueryLeases&) { return leases(); },
  };
}

void Pool::on(ReserveBlocks& reserve) {
  CHECK(reserve.count > 0, reserve.request, reserve.count);
  const auto free = this->free();
  if (reserve.count > free) {
    if (std::find(refused_.begin(), refused_.end(), reserve.holder) == refused_.end())
      refused_.push_back(reserve.holder);
    send(reserve.holder, BlocksRefused{reserve.request, reserve.ticket, reserve.count, free});
    return;
  }
  BlocksReserved granted{reserve.request, reserve.ticket, {}};
  granted.blocks.reserve(static_cast<std::size_t>(reserve.count));
  auto& lease = leases_[{reserve.request, reserve.holder->id()}];
  if (lease.blocks.empty()) {
    lease.sent_to = reserve.sent_to;
    lease.since = now();
  }
  for (std::int32_t i = 0; i < reserve.count; ++i) {
    const BlockId block = take_free();
    auto& slot = slots_[block.value];
    slot.generation.value += 1;
    const BlockLife life{block, slot.generation};
    move(life, BlockEvent::kReserve);
    lease.blocks.push_back(life);
    granted.blocks.push_back(life);
  }
  send(reserve.holder, std::move(granted));
}

BlockId Pool::take_free() {
  if (free_.empty()) {
    // Memory is the host's too: what is never used has no slot.
    slots_.emplace_back();
    return BlockId{static_cast<std::uint32_t>(slots_.size() - 1)};
  }
  const BlockId block = free_.back();
  free_.pop_back();
  return block;
}

void Pool::on(const AdvertiseBlocks& advertise) {
  for (const auto& life : advertise.blocks)
    if (slots_[life.block.value].generation == life.generation) {
      move(life, BlockEvent::kAdvertise);
    } else {
      rare(Rare::kBlockOfEarlierLife);
    }
}

void Pool::on(const CommitBlocks& commit) {
  for (const auto& life : commit.blocks) {
    const auto& slot = slots_[life.block.value];
    rare(Rare::kBlockOfEarlierLife, slot.generation != life.generation);
    if (slot.generation != life.generation) continue;
    if (slot.state == BlockState::kAdvertised) {
      move(life, BlockEvent::kWriteBegins, BlockEvent::kCommit);
    } else {
      move(life, BlockEvent::kCommit);
    }
  }
}

void Pool::on(const ReleaseBlocks& release) {
  if (!current_sender()) return;  // leases are given up by who holds them
  const auto lease = leases_.find({release.request, current_sender()->id()});
  if (lease == leases_.end()) return;
  for (const auto& life : lease->second.blocks) {
    const bool written_from_elsewhere = slots_[life.block.value].state == BlockState::kAdvertised;
    rare(Rare::kReleasedWhileAdvertised, written_from_elsewhere);
    if (written_from_elsewhere) {
      move(life, BlockEvent::kRelease, BlockEvent::kWriterGone);  // what the sender warrants
    } else {
      move(life, BlockEvent::kRelease);
    }
  }
  leases_.erase(lease);
}

void Pool::on(const BlockFreed& freed) {
  auto& slot = slots_[freed.life.block.value];
  CHECK(slot.generation == freed.life.generation, freed.life.block, slot.generation, freed.life.generation);
  set_state(slot, BlockState::kFree);
  free_.push_back(freed.life.block);
  --coming_home_;
  check();
  // Told once for a whole lease rather than for each of its blocks.
  if (refused_.empty() || coming_home_ > 0) return;
  for (const auto& holder : refused_) send(holder, BlocksAvailable{free()});
  refused_.clear();
}

void Pool::move(BlockLife life, BlockEvent event, std::optional<BlockEvent> then) {
  auto& slot = slots_[life.block.value];
  auto next = next_state(slot.state, event);
  if (next && then) next = next_state(*next, *then);
  CHECK(next.has_value(), "block", life.block, to_string(slot.state), to_string(event), then.has_value());
  slot.untold.add(event);
  if (then) slot.untold.add(*then);
  if (*next != BlockState::kFree) {
    set_state(slot, *next);
    return;
  }
  // Free is the block's to say: until BlockFreed comes it counts as what it was.
  ++coming_home_;
  if (planted(Bug::kDoubleFree) && slot.state == BlockState::kReserved) free_.push_back(life.block);
  if (!slot.actor) slot.actor = spawn<Block, caf::linked>(life.block, PoolActor{this});
  send(slot.actor, MoveBlock{life.generation, std::exchange(slot.untold, {})});
}

void Pool::set_state(Slot& slot, BlockState state) {
  --by_state_[static_cast<std::size_t>(slot.state)];
  ++by_state_[static_cast<std::size_t>(state)];
  slot.state = state;
}

PoolState Pool::state() const {
  PoolState state;
  state.total = total_;
  state.by_state = by_state_;
  state.leases = static_cast<std::int32_t>(leases_.size());
  return state;
}

PoolLeases Pool::leases() const {
  PoolLeases all;
  all.blocks = state();
  for (const auto& [key, lease] : leases_) {
    auto& shown = all.leases.emplace_back(BlockLease{key.first, lease.sent_to, {}, {}});
    shown.held_ns = std::chrono::nanoseconds(now() - lease.since).count();
    for (const auto& life : lease.blocks) ++shown.by_state[static_cast<std::size_t>(slots_[life.block.value].state)];
  }
  std::stable_sort(all.leases.begin(), all.leases.end(),
                   [](const BlockLease& a, const BlockLease& b) { return a.held_ns > b.held_ns; });
  if (all.leases.size() > kMostLeasesShown) {
    all.left_out = static_cast<std::int32_t>(all.leases.size() - kMostLeasesShown);
    all.leases.resize(kMostLeasesShown);
  }
  return all;
}

void Pool::check() const {
  CHECK(free_.size() <= slots_.size() && coming_home_ >= 0, free_.size(), slots_.size(), coming_home_);
}

}  // namespace troupe
