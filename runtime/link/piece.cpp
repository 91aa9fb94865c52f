// Header bytes: magic, version, flags, link id, ticket, rectangle, length, count, reserved, checksum, own checksum.
#include "runtime/link/piece.hpp"

#include <xxhash.h>

#include <concepts>
#include <string>

#include "runtime/link/link.hpp"

namespace troupe::link {
namespace {

constexpr std::uint32_t kMagic = 0x50765254;  // "TRvP"
constexpr std::uint16_t kLast = 1;
constexpr std::uint16_t kNote = 2;
constexpr std::uint16_t kChecked = 4;
constexpr std::uint16_t kProbe = 8;
constexpr std::size_t kCheckedBytes = kHeaderBytes - sizeof(std::uint64_t);

class Writer {
 public:
  explicit Writer(HeaderBytes& out) : out_(out) {}
  template <std::unsigned_integral Number>
  void put(Number number) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      out_[at_++] = static_cast<std::byte>((static_cast<std::uint64_t>(number) >> (8 * i)) & 0xff);
    }
  }

 private:
  HeaderBytes& out_;
  std::size_t at_ = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> in) : in_(in) {}
  template <std::unsigned_integral Number>
  void get(Number& number) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) value |= static_cast<std::uint64_t>(in_[at_++]) << (8 * i);
    number = static_cast<Number>(value);
  }

 private:
  std::span<const std::byte> in_;
  std::size_t at_ = 0;
};

Error refused(const std::string& why) { return {ErrorCode::kInvalidInput, "piece header: " + why}; }

}  // namespace

HeaderBytes encode(const PieceHeader& header) {
  HeaderBytes bytes{};
  Writer out(bytes);
  const int flags = (header.last ? kLast : 0) | (header.note ? kNote : 0) | (header.checked ? kChecked : 0) |
                    (header.probe ? kProbe : 0);
  out.put(kMagic);
  out.put(kLinkVersion);
  out.put(static_cast<std::uint16_t>(flags));
  out.put(header.link_id);
  out.put(header.ticket.high);
  out.put(header.ticket.low);
  out.put(header.first_place);
  out.put(header.places);
  out.put(header.first_layer);
  out.put(header.layers);
  out.put(header.bytes);
  out.put(header.pieces);
  out.put(std::uint32_t{0});
  out.put(header.checksum);
  out.put(checksum_of(std::span(bytes).first(kCheckedBytes)));
  return bytes;
}

Result<PieceHeader> decode(std::span<const std::byte> bytes) {
  if (bytes.size() != kHeaderBytes) {
    return refused(std::to_string(bytes.size()) + " bytes, expected " + std::to_string(kHeaderBytes));
  }
  Reader in(bytes);
  std::uint32_t magic = 0;
  std::uint16_t version = 0;
  std::uint16_t flags = 0;
  std::uint32_t reserved = 0;
  std::uint64_t own = 0;
  PieceHeader header;
  in.get(magic);
  in.get(version);
  in.get(flags);
  in.get(header.link_id);
  in.get(header.ticket.high);
  in.get(header.ticket.low);
  in.get(header.first_place);
  in.get(header.places);
  in.get(header.first_layer);
  in.get(header.layers);
  in.get(header.bytes);
  in.get(header.pieces);
  in.get(reserved);
  in.get(header.checksum);
  in.get(own);
  if (magic != kMagic) return refused("it does not start as one of Troupe's");
  if (version != kLinkVersion) {
    return refused("version " + std::to_string(version) + ", this node speaks " + std::to_string(kLinkVersion));
  }
  if (own != checksum_of(bytes.first(kCheckedBytes))) return refused("its checksum does not match");
  if ((flags & ~(kLast | kNote | kChecked | kProbe)) != 0 || reserved != 0)
    return refused("bits are set that have no meaning");
  header.last = (flags & kLast) != 0;
  header.note = (flags & kNote) != 0;
  header.checked = (flags & kChecked) != 0;
  header.probe = (flags & kProbe) != 0;
  const bool empty = header.places == 0 && header.layers == 0;
  if (empty != (header.places == 0) || empty != (header.layers == 0)) return refused("places without layers");
  if (header.probe && (!empty || header.last || header.note)) return refused("a probe that is part of a transfer");
  if (empty && !header.last && !header.probe) return refused("an empty piece that is not the last");
  if (header.note && !empty) return refused("blocks and a note in one piece");
  if (empty && !header.note && !header.probe && header.bytes != 0) return refused("bytes of no block");
  if (header.last != (header.pieces != 0))
    return refused("the number of pieces belongs to the last one, and to it only");
  if (header.bytes > (header.note ? kMostNoteBytes : kMostPieceBytes)) {
    return refused(std::to_string(header.bytes) + " bytes, more than a piece may have");
  }
  return header;
}

std::uint64_t checksum_of(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace troupe::link
