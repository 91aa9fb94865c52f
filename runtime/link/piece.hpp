// What is said in front of a piece's bytes: a fixed header of 80 bytes that both links use. A header that decodes is
// whole, of this version and not contradictory in itself; whether it may be written is the landing's to say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::link {

/// Raised when headers, addresses or the order of a piece's bytes change: nodes of different versions refuse each
/// other.
inline constexpr std::uint16_t kLinkVersion = 3;
/// No piece is longer; a receiver reserves at most this much before it has seen a byte of it.
inline constexpr std::size_t kMostPieceBytes = 16 * 1024 * 1024;

/// A rectangle of a transfer (layers x places), the note that ends it, or bytes of a probe, which land nowhere. The
/// bytes that follow are layer by layer, place by place, each (layer, place) as the slab holds it.
struct PieceHeader {
  std::uint64_t link_id = 0;  ///< the sender's; drawn at random when its link started
  Ticket ticket;
  std::uint32_t first_place = 0;
  std::uint32_t places = 0;
  std::uint32_t first_layer = 0;
  std::uint32_t layers = 0;
  std::uint64_t bytes = 0;     ///< that follow the header
  std::uint32_t pieces = 0;    ///< with the last piece: how many there were under the ticket, this one included
  bool last = false;           ///< the sender sends no more under this ticket
  bool note = false;           ///< the bytes are the note; places and layers are 0
  bool probe = false;          ///< the bytes are no transfer's; places and layers are 0
  bool checked = false;        ///< `checksum` is one
  std::uint32_t slot = 0;      ///< one more than the index of the slot that has the bytes; 0: they follow the header
  std::uint64_t checksum = 0;  ///< of the bytes (checksum.hpp)
};

inline constexpr std::size_t kHeaderBytes = 80;
using HeaderBytes = std::array<std::byte, kHeaderBytes>;

/// Little-endian fields and a checksum of the header itself.
HeaderBytes encode(const PieceHeader& header);
/// kInvalidInput for what is cut, damaged, of another version or contradictory.
Result<PieceHeader> decode(std::span<const std::byte> bytes);

}  // namespace troupe::link
