#include "runtime/http/chunked.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/base/check.hpp"

namespace troupe::http {
namespace {

constexpr int kMaxSizeDigits = 8;
constexpr int kMaxExtraBytes = 8 * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkDecoder::Status ChunkDecoder::feed(std::string_view& in, std::string& out) {
  while (!in.empty()) {
    if (want_ == Want::kData) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size_, in.size()));
      out.append(in.substr(0, count));
      in.remove_prefix(count);
      size_ -= count;
      if (size_ == 0) want_ = Want::kDataCr;
      continue;
    }
    const char c = in.front();
    in.remove_prefix(1);
    if (const auto status = take(c); status != Status::kMore) return status;
  }
  return Status::kMore;
}

bool ChunkDecoder::spend_extra() { return extras_ == Extras::kIgnore && ++extra_bytes_ <= kMaxExtraBytes; }

ChunkDecoder::Status ChunkDecoder::size_ended() {
  if (size_ > left_) return Status::kTooLarge;
  left_ -= size_;
  want_ = size_ == 0 ? Want::kTrailer : Want::kData;
  digits_ = 0;
  return Status::kMore;
}

ChunkDecoder::Status ChunkDecoder::take(char c) {
  const auto expect = [&](char wanted, Want next) {
    want_ = next;
    return c == wanted ? Status::kMore : Status::kMalformed;
  };
  switch (want_) {
    case Want::kSize:
      if (const int value = hex_value(c); value >= 0) {
        size_ = digits_ == 0 ? static_cast<std::uint64_t>(value) : size_ * 16 + static_cast<std::uint64_t>(value);
        return ++digits_ <= kMaxSizeDigits ? Status::kMore : Status::kMalformed;
      }
      if (digits_ == 0) return Status::kMalformed;
      if (c == '\r') return expect('\r', Want::kSizeLf);
      want_ = Want::kExtension;
      return (c == ';' || c == ' ' || c == '\t') && spend_extra() ? Status::kMore : Status::kMalformed;
    case Want::kExtension:
      if (c == '\r') return expect('\r', Want::kSizeLf);
      return c != '\n' && spend_extra() ? Status::kMore : Status::kMalformed;
    case Want::kSizeLf:
      return c == '\n' ? size_ended() : Status::kMalformed;
    case Want::kDataCr:
      return expect('\r', Want::kDataLf);
    case Want::kDataLf:
      return expect('\n', Want::kSize);
    case Want::kTrailer:
      if (c == '\r') return expect('\r', Want::kLastLf);
      want_ = Want::kTrailerLine;
      return c != '\n' && spend_extra() ? Status::kMore : Status::kMalformed;
    case Want::kTrailerLine:
      if (c == '\r') return expect('\r', Want::kTrailerLineLf);
      return c != '\n' && spend_extra() ? Status::kMore : Status::kMalformed;
    case Want::kTrailerLineLf:
      return expect('\n', Want::kTrailer);
    case Want::kLastLf:
      return c == '\n' ? Status::kDone : Status::kMalformed;
    case Want::kData:
      break;
  }
  CHECK(false, "data bytes are taken by feed()");
  return Status::kMalformed;
}

std::string make_chunk(std::string_view data) {
  CHECK(!data.empty());
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, data.size(), 16).ptr;
  std::string out;
  out.reserve(data.size() + 20);
  out.append(size, end).append("\r\n").append(data).append("\r\n");
  return out;
}

}  // namespace troupe::http
