// The states of one KV block and the events that move it between them: a pure machine, so that it can be tested
// exhaustively.
//
//   Free -> Reserved -> Committed -> Free                          written by the machine's own device
//   Free -> Reserved -> Advertised -> InFlight -> Committed -> Free  written by another machine over a link
//   Advertised or InFlight, when released -> Quarantined -> Free     only on proof that no writer is left
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "runtime/base/check.hpp"
#include "runtime/base/ids.hpp"

namespace troupe {

enum class BlockState : std::uint8_t { kFree, kReserved, kAdvertised, kInFlight, kCommitted, kQuarantined };
inline constexpr int kBlockStates = 6;

enum class BlockEvent : std::uint8_t {
  kReserve,      ///< a request takes the block: a new life begins
  kAdvertise,    ///< its address was given to a peer, who may write from now on
  kWriteBegins,  ///< the peer's transfer is under way
  kCommit,       ///< the KV is written and verified; nobody writes any more
  kWriterGone,   ///< proof that the peer writes no more (its completion failed, or its endpoint is closed)
  kRelease,      ///< the request gives the block up
};

const char* to_string(BlockState state);
const char* to_string(BlockEvent event);

/// What happened to a block in one life, in order. As pools move blocks no kind of event comes twice in a life: more
/// are a bug, and end the process.
class BlockEvents {
 public:
  void add(BlockEvent event) {
    CHECK(count_ < events_.size(), count_);
    events_[count_++] = event;
  }
  const BlockEvent* begin() const { return events_.data(); }
  const BlockEvent* end() const { return events_.data() + count_; }

 private:
  std::array<BlockEvent, 6> events_{};
  std::uint8_t count_ = 0;
};

/// The state after an event, or nothing where the event is not legal in that state.
std::optional<BlockState> next_state(BlockState state, BlockEvent event);

}  // namespace troupe
