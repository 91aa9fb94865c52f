// Arithmetic of tokens, positions and blocks for a sequence that decodes: pure.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/messages/work.hpp"
#include "kernels/attention/kv_layout.hpp"

namespace troupe {

/// A sequence asks for its next block this many positions before it needs it: the pool answers within a step.
inline constexpr std::int32_t kReserveAheadPositions = 4;

/// Blocks that hold the KV of `positions` positions.
constexpr std::int32_t blocks_for(std::int32_t positions) {
  return (positions + static_cast<std::int32_t>(kernels::kBlockPositions) - 1) /
         static_cast<std::int32_t>(kernels::kBlockPositions);
}

/// Prompt and generated tokens. The KV of all but the last generated one is written once the prompt has run; the next
/// step writes the last's.
inline std::int32_t known_tokens(const AdmitRequest& what) {
  return static_cast<std::int32_t>(what.spec->prompt.size() + what.generated.size());
}

/// The most KV positions that the request can need: the last token that it may generate is never run.
inline std::int32_t most_tokens(const RequestSpec& spec) {
  return static_cast<std::int32_t>(spec.prompt.size()) + spec.max_tokens - 1;
}

/// Whether the next step's position has a block.
inline bool has_room(const AdmitRequest& what, std::size_t blocks) {
  return blocks_for(known_tokens(what)) <= static_cast<std::int32_t>(blocks);
}

/// The decode step of a sequence: its last token at its position.
device::StepSequence next_step_of(const AdmitRequest& what, const std::vector<BlockLife>& blocks);

}  // namespace troupe
