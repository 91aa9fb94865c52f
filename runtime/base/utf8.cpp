#include "runtime/base/utf8.hpp"

#include <algorithm>

namespace troupe {
namespace {

struct Lead {
  std::size_t length;       // 0: not a lead byte
  unsigned char low, high;  // range of the second byte
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// How many bytes from `at` belong to a well-formed prefix of a character; `complete` tells whether it is the whole one.
std::size_t well_formed_prefix(std::string_view text, std::size_t at, bool& complete) {
  const Lead lead = lead_of(static_cast<unsigned char>(text[at]));
  complete = false;
  if (lead.length == 0) return 0;
  std::size_t n = 1;
  for (; n < lead.length && at + n < text.size(); ++n) {
    const auto byte = static_cast<unsigned char>(text[at + n]);
    const unsigned char low = n == 1 ? lead.low : 0x80, high = n == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) return n;
  }
  complete = n == lead.length;
  return n;
}

}  // namespace

std::size_t utf8_character_length(std::string_view text, std::size_t at) {
  bool complete = false;
  const std::size_t n = well_formed_prefix(text, at, complete);
  return complete ? n : 0;
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t n = utf8_character_length(text, at);
    if (n == 0) return false;
    at += n;
  }
  return true;
}

std::size_t incomplete_utf8_suffix(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const std::size_t at = text.size() - back;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    bool complete = false;
    const std::size_t n = well_formed_prefix(text, at, complete);
    return !complete && n == back ? back : 0;
  }
  return 0;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    bool complete = false;
    const std::size_t n = well_formed_prefix(text, at, complete);
    if (complete) {
      out.append(text.substr(at, n));
    } else {
      out += "\xEF\xBF\xBD";
    }
    at += std::max<std::size_t>(n, 1);
  }
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace troupe
