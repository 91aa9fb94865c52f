// The receiving state of one transfer: which (layer, place) is spoken for, which pieces are written, what is still
// missing. Pure: it knows no transport and no clock, so that the UCX link and the local link refuse the same things.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/link/checksum.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/piece.hpp"

namespace troupe::link {

/// A registered slab.
struct Slab {
  std::span<std::byte> memory;
  kernels::KvLayout layout;
};

/// kInvalidInput where the landing names no block, too many, a block twice or one that the slab does not have.
Result<void> validate(const Landing& landing, const Slab& slab);

/// One open landing. A piece is first admitted by its header, which claims its place; then, when its bytes are there,
/// written. Between the two nothing of the slab has changed.
class LandingState {
 public:
  enum class Progress {
    kMore,      ///< pieces are missing
    kComplete,  ///< all is written: arrival() may be taken
  };

  /// `landing` passed validate().
  LandingState(Landing landing, const Slab& slab, bool checksums);

  PeerId from() const { return landing_.from; }

  /// Claims the piece's places. Refused (kInvalidInput, nothing changes): outside the landing, a size that does not
  /// follow from the rectangle, a place that is claimed already, a second last piece, no checksum where one is due.
  Result<void> admit(const PieceHeader& header, std::chrono::nanoseconds now);

  /// Verifies and writes an admitted piece. An error (kInvalidInput: its checksum fails, or it was the last to come and
  /// leaves holes) ends the landing: nothing more may be written. `bytes` are the caller's alone, and stay unwritten
  /// where their checksum fails.
  Result<Progress> write(const PieceHeader& header, std::span<const std::byte> bytes, std::chrono::nanoseconds now);

  /// The same for bytes that their sender can still reach: what is verified is what was written, part by part while it
  /// is in the processor's cache. Where the checksum fails the landing's blocks hold some of them.
  Result<Progress> write_shared(const PieceHeader& header, std::span<const std::byte> bytes,
                                std::chrono::nanoseconds now);

  /// Whether the error that write() returned was a checksum.
  bool damaged() const { return damaged_; }

  /// After kComplete.
  Arrival arrival();

 private:
  std::size_t bit(std::uint32_t layer, std::uint32_t place) const { return layer * landing_.blocks.size() + place; }
  Error refused(const std::string& why) const;
  void copy(const PieceHeader& header, std::span<const std::byte> bytes, Checksum* written);
  Error damaged_piece(std::size_t bytes);
  Result<Progress> count(const PieceHeader& header, std::chrono::nanoseconds now);

  Landing landing_;
  Slab slab_;
  bool checksums_;
  std::vector<bool> claimed_;    ///< layer-major
  std::size_t missing_;          ///< (layer, place) pairs not written yet
  std::uint32_t written_ = 0;    ///< pieces
  std::uint32_t announced_ = 0;  ///< pieces in all, once the last one is written
  bool last_claimed_ = false;
  bool heard_ = false;
  bool damaged_ = false;
  std::size_t bytes_ = 0;
  std::vector<std::byte> note_;
  std::chrono::nanoseconds first_{};
  std::chrono::nanoseconds latest_{};
};

}  // namespace troupe::link
