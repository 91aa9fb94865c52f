// The sender's arithmetic: whether a push makes sense, into which pieces it is cut, and where a piece's bytes lie.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/link/landing.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/piece.hpp"

namespace troupe::link {

/// kInvalidInput where the push names blocks or layers that the slab does not have, sends nothing without being the
/// last, or carries a note that is too long or not with the last.
Result<void> validate(const Push& push, const Slab& slab);

/// Part of a push that travels as one message: `places` of its blocks from its `first` on, or its note.
struct Cut {
  std::uint32_t first = 0;
  std::uint32_t places = 0;
  std::uint32_t first_layer = 0;
  std::uint32_t layers = 0;
  std::size_t bytes = 0;
  bool note = false;
  bool last = false;
  bool probe = false;
};

/// Cuts a valid push into pieces of about `piece_bytes` (at least one block of one layer each), whole layers where they
/// fit. A note travels by itself, after the blocks.
std::vector<Cut> cut(const Push& push, const kernels::KvLayout& layout, std::size_t piece_bytes);

/// The pieces of a probe.
std::vector<Cut> cut_probe(std::size_t bytes, std::size_t piece_bytes);

/// The bytes of a cut where they lie as one run (in the slab, or the note); nothing where they must be packed.
std::optional<std::span<const std::byte>> one_run(const Push& push, const Slab& slab, const Cut& cut);
/// Packs a cut's bytes into `out`, which has cut.bytes.
void gather(const Push& push, const Slab& slab, const Cut& cut, std::span<std::byte> out);

/// The header of a cut, but for link id, count and checksum.
PieceHeader header_of(const Push& push, const Cut& cut);

}  // namespace troupe::link
