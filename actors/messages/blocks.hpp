// Reserving, committing and releasing KV blocks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/block_life_cycle.hpp"
#include "runtime/base/ids.hpp"

namespace troupe {

/// A block in one of its lives.
struct BlockLife {
  BlockId block;
  Generation generation;
};

struct ReserveBlocks;
struct CommitBlocks;
struct AdvertiseBlocks;
struct ReleaseBlocks;
struct BlocksReserved;
struct BlocksRefused;
struct BlocksAvailable;
struct BlockFreed;
struct MoveBlock;
struct QueryPool;
struct PoolState;
struct QueryLeases;
struct PoolLeases;

/// Whoever holds leases: told of grants, refusals and, after a refusal, of room. Part of the token actor's interface.
using LeaseHolderActor =
    caf::typed_actor<caf::reacts_to<BlocksReserved>, caf::reacts_to<BlocksRefused>, caf::reacts_to<BlocksAvailable>>;

/// Grants and takes back blocks; asked for its state by whoever shows it.
using PoolActor =
    caf::typed_actor<caf::reacts_to<ReserveBlocks>, caf::reacts_to<AdvertiseBlocks>, caf::reacts_to<CommitBlocks>,
                     caf::reacts_to<ReleaseBlocks>, caf::reacts_to<BlockFreed>,
                     caf::replies_to<QueryPool>::with<PoolState>, caf::replies_to<QueryLeases>::with<PoolLeases>>;

/// One block in use.
using BlockActor = caf::typed_actor<caf::reacts_to<MoveBlock>>;

/// Command: `count` blocks for the request, beside those that the holder has for it. Granted whole or refused whole.
struct ReserveBlocks {
  RequestId request;
  std::uint64_t ticket = 0;  ///< the holder's; comes back with the answer
  std::int32_t count = 0;
  LeaseHolderActor holder;
  std::optional<NodeId> sent_to = {};  ///< their KV is computed for a machine of that node, and goes there
};

/// Reply to ReserveBlocks: the blocks, in the order in which they extend the request's block table.
struct BlocksReserved {
  RequestId request;
  std::uint64_t ticket = 0;
  std::vector<BlockLife> blocks;
};

/// Reply to ReserveBlocks: not enough free blocks. The holder hears BlocksAvailable when that may have changed.
struct BlocksRefused {
  RequestId request;
  std::uint64_t ticket = 0;
  std::int32_t wanted = 0;
  std::int32_t free = 0;
};

/// Notice, once after one or more refusals: blocks came back.
struct BlocksAvailable {
  std::int32_t free = 0;
};

/// Command: the KV of these blocks is written and may be read by attention.
struct CommitBlocks {
  std::vector<BlockLife> blocks;
};

/// Command: another machine was given leave to write these blocks.
struct AdvertiseBlocks {
  std::vector<BlockLife> blocks;
};

/// Command: the request gives up all blocks that the sender was granted for it, by earlier ReserveBlocks too. The
/// sender warrants that no step and no other machine reads or writes them, now or later.
struct ReleaseBlocks {
  RequestId request;
};

/// Command from the pool to a block: this is what happened to it, from the beginning of a life on; said once, with the
/// event that ends the life. One message for a life, and not one for each event: a block's actor is cold memory, and
/// nobody needs it before.
struct MoveBlock {
  Generation generation;
  BlockEvents events;
};

/// Notice from a block to its pool: this life is over and no writer is left.
struct BlockFreed {
  BlockLife life;
};

/// Question: how many blocks are in which state?
struct QueryPool {};

/// Blocks by state, for status and metrics: free + all the others = total.
struct PoolState {
  std::array<std::int32_t, kBlockStates> by_state{};  ///< indexed by BlockState
  std::int32_t total = 0;
  std::int32_t leases = 0;  ///< requests that hold blocks
};

/// Question: who holds which blocks?
struct QueryLeases {};

/// As many leases as are shown of a pool; those that were held longest.
inline constexpr std::size_t kMostLeasesShown = 4096;

/// Blocks by state: indexed by BlockState.
using BlockCounts = std::array<std::int32_t, kBlockStates>;

/// What one holder holds for one request.
struct BlockLease {
  RequestId request;
  std::optional<NodeId> sent_to;  ///< as ReserveBlocks said
  std::int64_t held_ns = 0;       ///< since its first block was granted
  BlockCounts by_state{};
};

/// Answer to QueryLeases. Blocks that are neither free nor in a lease were given up and are on their way home.
struct PoolLeases {
  PoolState blocks;
  std::vector<BlockLease> leases;  ///< the one that was held longest first
  std::int32_t left_out = 0;       ///< further ones, beyond kMostLeasesShown
};

/// A lease as a cluster's nodes tell each other of it.
struct HeldBlocks {
  RequestId request;
  std::string home;    ///< the node where the request lives; empty: not known there
  bool sends = false;  ///< a prompt that runs there for another node, to which its KV goes
  std::string peer;    ///< that node; else the one whose machine writes these blocks; empty: none does
  std::int64_t held_ns = 0;
  BlockCounts by_state{};
};

/// The KV blocks of one machine and who holds them.
struct MachineBlocks {
  PoolState blocks;
  std::vector<HeldBlocks> leases;  ///< the one that was held longest first
  std::int32_t left_out = 0;       ///< further ones
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ReserveBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BlocksReserved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BlocksRefused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BlocksAvailable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AdvertiseBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CommitBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ReleaseBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::MoveBlock)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BlockFreed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryPool)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PoolState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryLeases)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PoolLeases)
