#include "runtime/model/tokenizer/byte_level.hpp"

#include <array>

#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

struct Alphabet {
  std::array<char32_t, 256> character;
  std::array<std::string, 256> spelled;
  std::array<int, 0x144> byte;  // of the character with this number; -1 without one

  Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      character[b] = printable ? static_cast<char32_t>(b) : next++;
      append_utf8(spelled[b], character[b]);
      byte[character[b]] = static_cast<int>(b);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet table;
  return table;
}

}  // namespace

char32_t byte_character(unsigned char byte) { return alphabet().character[byte]; }

void append_byte_characters(std::string& out, std::string_view text) {
  const Alphabet& table = alphabet();
  for (const char byte : text) out += table.spelled[static_cast<unsigned char>(byte)];
}

std::string bytes_of_characters(std::string_view token) {
  const Alphabet& table = alphabet();
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const Character character = character_at(token, at);
    at += character.length;
    if (character.code >= table.byte.size() || table.byte[character.code] < 0) return std::string(token);
    bytes += static_cast<char>(table.byte[character.code]);
  }
  return bytes;
}

}  // namespace troupe::model::tok
