// The chunked transfer coding (RFC 9112, section 7.1), both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::http {

/// Decodes a chunked body piece by piece. Chunk sizes are 1 to 8 hexadecimal digits and nothing else.
class ChunkDecoder {
 public:
  enum class Status { kMore, kDone, kMalformed, kTooLarge };
  /// What to do with chunk extensions and trailer fields: a server refuses them, a client passes over them (at most 8
  /// KiB in all).
  enum class Extras { kRefuse, kIgnore };

  ChunkDecoder(std::uint64_t limit_bytes, Extras extras) : left_(limit_bytes), extras_(extras) {}

  /// Appends decoded bytes to `out` and drops what it used from the front of `in`. kTooLarge as soon as a size line
  /// goes past the limit, before its data. After any status but kMore, bytes left in `in` are not part of the body.
  Status feed(std::string_view& in, std::string& out);

 private:
  enum class Want {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kTrailerLine,
    kTrailerLineLf,
    kLastLf
  };
  Status take(char c);
  Status size_ended();
  bool spend_extra();

  Want want_ = Want::kSize;
  std::uint64_t left_;
  std::uint64_t size_ = 0;
  int digits_ = 0;
  int extra_bytes_ = 0;
  Extras extras_;
};

/// `data` as one chunk; `data` must not be empty, since an empty chunk ends the body.
std::string make_chunk(std::string_view data);
/// What ends a chunked body.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace troupe::http
