// All arithmetic on received numbers is in 64 bits on values below 2^32, compared before it is used as an index.
#include "runtime/link/landing.hpp"

#include <string>
#include <unordered_set>
#include <utility>

#include "runtime/base/planted.hpp"

namespace troupe::link {

Result<void> validate(const Landing& landing, const Slab& slab) {
  if (landing.blocks.empty()) return Error{ErrorCode::kInvalidInput, "a landing needs at least one block"};
  if (landing.blocks.size() > static_cast<std::size_t>(slab.layout.blocks)) {
    return Error{ErrorCode::kInvalidInput, "a landing of " + std::to_string(landing.blocks.size()) +
                                               " blocks in a slab of " + std::to_string(slab.layout.blocks)};
  }
  std::unordered_set<BlockId> seen;
  for (const BlockId block : landing.blocks) {
    if (block.value >= static_cast<std::uint64_t>(slab.layout.blocks)) {
      return Error{ErrorCode::kInvalidInput, "block " + std::to_string(block.value) + " of a slab of " +
                                                 std::to_string(slab.layout.blocks) + " blocks"};
    }
    if (!seen.insert(block).second) {
      return Error{ErrorCode::kInvalidInput, "block " + std::to_string(block.value) + " is in the landing twice"};
    }
  }
  return {};
}

LandingState::LandingState(Landing landing, const Slab& slab, bool checksums)
    : landing_(std::move(landing)),
      slab_(slab),
      checksums_(checksums),
      claimed_(landing_.blocks.size() * static_cast<std::size_t>(slab.layout.layers)),
      missing_(claimed_.size()) {}

Error LandingState::refused(const std::string& why) const {
  return {ErrorCode::kInvalidInput, "piece refused: " + why};
}

Result<void> LandingState::admit(const PieceHeader& header, std::chrono::nanoseconds now) {
  const std::uint64_t places = landing_.blocks.size();
  const auto layers = static_cast<std::uint64_t>(slab_.layout.layers);
  if (std::uint64_t{header.first_place} + header.places > places) return refused("places outside the landing");
  if (std::uint64_t{header.first_layer} + header.layers > layers) return refused("layers that the slab does not have");
  // Both factors are bounded by a slab that exists, so that the product cannot overflow.
  const std::uint64_t due = std::uint64_t{header.places} * header.layers * slab_.layout.layer_block_bytes();
  if (!header.note && header.bytes != due) {
    return refused(std::to_string(header.bytes) + " bytes, expected " + std::to_string(due));
  }
  if (checksums_ && header.bytes != 0 && !header.checked) return refused("it has no checksum");
  if (header.last && last_claimed_) return refused("a last piece was here already");
  for (std::uint32_t layer = header.first_layer; layer < header.first_layer + header.layers; ++layer) {
    for (std::uint32_t place = header.first_place; place < header.first_place + header.places; ++place) {
      if (claimed_[bit(layer, place)]) return refused("a place is written twice");
    }
  }
  for (std::uint32_t layer = header.first_layer; layer < header.first_layer + header.layers; ++layer) {
    for (std::uint32_t place = header.first_place; place < header.first_place + header.places; ++place) {
      claimed_[bit(layer, place)] = true;
    }
  }
  last_claimed_ = last_claimed_ || header.last;
  if (!heard_) first_ = now;
  heard_ = true;
  return {};
}

Result<LandingState::Progress> LandingState::write(const PieceHeader& header, std::span<const std::byte> bytes,
                                                   std::chrono::nanoseconds now) {
  CHECK(bytes.size() == header.bytes, bytes.size(), header.bytes);
  if (checksums_ && header.checked && checksum_of(bytes) != header.checksum) return damaged_piece(bytes.size());
  copy(header, bytes, nullptr);
  return count(header, now);
}

Result<LandingState::Progress> LandingState::write_shared(const PieceHeader& header, std::span<const std::byte> bytes,
                                                          std::chrono::nanoseconds now) {
  CHECK(bytes.size() == header.bytes, bytes.size(), header.bytes);
  if (checksums_ && header.checked) {
    Checksum written;
    copy(header, bytes, &written);
    if (written.value() != header.checksum) return damaged_piece(bytes.size());
  } else {
    copy(header, bytes, nullptr);
  }
  return count(header, now);
}

Error LandingState::damaged_piece(std::size_t bytes) {
  damaged_ = true;
  return {ErrorCode::kInvalidInput, "the checksum of a piece of " + std::to_string(bytes) +
                                        " bytes does not match: it was damaged on its way, or its sender's blocks "
                                        "were written while they were sent; send the prompt's KV again"};
}

Result<LandingState::Progress> LandingState::count(const PieceHeader& header, std::chrono::nanoseconds now) {
  ++written_;
  latest_ = now;
  if (header.last) announced_ = header.pieces;
  if (announced_ == 0) return Progress::kMore;
  if (missing_ == 0 || planted(Bug::kCommitBeforeKvWritten)) return Progress::kComplete;
  if (written_ < announced_) return Progress::kMore;
  return Error{ErrorCode::kInvalidInput, "the last of " + std::to_string(announced_) + " pieces is here, and " +
                                             std::to_string(missing_) + " of " + std::to_string(claimed_.size()) +
                                             " (layer, place) pairs were never sent"};
}

void LandingState::copy(const PieceHeader& header, std::span<const std::byte> bytes, Checksum* written) {
  if (header.note) {
    note_.assign(bytes.begin(), bytes.end());
    if (written != nullptr) written->add(note_);
    return;
  }
  const std::size_t unit = slab_.layout.layer_block_bytes();
  std::size_t at = 0;
  for (std::uint32_t layer = header.first_layer; layer < header.first_layer + header.layers; ++layer) {
    std::uint32_t place = header.first_place;
    const std::uint32_t end = header.first_place + header.places;
    while (place < end) {
      std::uint32_t run = 1;  // neighbouring blocks of one layer are one run of bytes
      while (place + run < end && landing_.blocks[place + run].value == landing_.blocks[place].value + run) ++run;
      const auto into = slab_.memory.subspan(slab_.layout.offset(layer, landing_.blocks[place].value), run * unit);
      copy_checked(into, bytes.subspan(at, into.size()), written);
      at += into.size();
      place += run;
    }
  }
  missing_ -= std::size_t{header.layers} * header.places;
  bytes_ += bytes.size();
}

Arrival LandingState::arrival() { return {landing_.ticket, std::move(note_), bytes_, latest_ - first_}; }

}  // namespace troupe::link
