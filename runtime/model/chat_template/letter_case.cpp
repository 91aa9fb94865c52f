#include "runtime/model/chat_template/letter_case.hpp"

#include "runtime/base/utf8.hpp"

namespace troupe::model::jinja {

namespace {

/// Blocks where capital and small letters alternate, the capital on even code points (or odd, where so said).
struct Alternating {
  char32_t from, to;
  bool capital_is_odd;
};
constexpr Alternating kAlternating[] = {
    {0x100, 0x12f, false}, {0x132, 0x137, false}, {0x139, 0x148, true},    {0x14a, 0x177, false},
    {0x179, 0x17e, true},  {0x1cd, 0x1dc, true},  {0x1de, 0x1ef, false},   {0x1f8, 0x21f, false},
    {0x222, 0x233, false}, {0x3d8, 0x3ef, false}, {0x460, 0x481, false},   {0x48a, 0x4bf, false},
    {0x4c1, 0x4ce, true},  {0x4d0, 0x52f, false}, {0x1e00, 0x1e95, false}, {0x1ea0, 0x1eff, false}};

/// Blocks where the small letter stands a fixed distance after its capital.
struct Shifted {
  char32_t from, to, distance;
};
constexpr Shifted kShifted[] = {{'A', 'Z', 32},        {0xc0, 0xd6, 32},     {0xd8, 0xde, 32},     {0x391, 0x3a1, 32},
                                {0x3a3, 0x3ab, 32},    {0x388, 0x38a, 37},   {0x386, 0x386, 38},   {0x38c, 0x38c, 64},
                                {0x38e, 0x38f, 63},    {0x410, 0x42f, 32},   {0x400, 0x40f, 80},   {0x531, 0x556, 48},
                                {0x4c0, 0x4c0, 15},    {0xff21, 0xff3a, 32}, {0x2160, 0x216f, 16}, {0x24b6, 0x24cf, 26},
                                {0x10400, 0x10427, 40}};

}  // namespace

char32_t to_lower(char32_t c) {
  for (const Shifted& block : kShifted) {
    if (c >= block.from && c <= block.to) return c + block.distance;
  }
  if (c == 0x178) return 0xff;
  for (const Alternating& block : kAlternating) {
    if (c >= block.from && c <= block.to) return (c % 2 == 1) == block.capital_is_odd ? c + 1 : c;
  }
  return c;
}

char32_t to_upper(char32_t c) {
  for (const Shifted& block : kShifted) {
    if (c >= block.from + block.distance && c <= block.to + block.distance) return c - block.distance;
  }
  if (c == 0xff) return 0x178;
  if (c == 0xb5) return 0x39c;
  if (c == 0x3c2) return 0x3a3;
  if (c == 0x131) return 'I';
  for (const Alternating& block : kAlternating) {
    if (c >= block.from && c <= block.to) return (c % 2 == 1) == block.capital_is_odd ? c : c - 1;
  }
  return c;
}

bool is_upper(char32_t c) { return to_lower(c) != c; }
bool is_lower(char32_t c) { return to_upper(c) != c || c == 0xdf || c == 0xaa || c == 0xba; }

bool is_letter(char32_t c) {
  if (is_upper(c) || is_lower(c)) return true;
  return (c >= 0xc0 && c <= 0x2af && c != 0xd7 && c != 0xf7) ||
         (c >= 0x370 && c <= 0x1fff && c != 0x37e && c != 0x387) || (c >= 0x3041 && c <= 0x30ff && c != 0x30fb) ||
         (c >= 0x3400 && c <= 0x9fff) || (c >= 0xa000 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

Text with_case(const Text& text, LetterCase letter_case) {
  Text out;
  bool in_word = false;
  text.for_each_run([&](std::string_view bytes, bool trusted) {
    std::string changed;
    changed.reserve(bytes.size());
    for (std::size_t at = 0; at < bytes.size();) {
      const Character c = character_at(bytes, at);
      bool upper = letter_case == LetterCase::kUpper;
      if (letter_case == LetterCase::kTitle || letter_case == LetterCase::kCapital) upper = !in_word;
      if (letter_case == LetterCase::kSwapped) upper = !is_upper(c.code_point);
      append_utf8(changed, upper ? to_upper(c.code_point) : to_lower(c.code_point));
      in_word = letter_case == LetterCase::kCapital || is_upper(c.code_point) || is_lower(c.code_point);
      at += c.length;
    }
    out.append(changed, trusted);
  });
  return out;
}

}  // namespace troupe::model::jinja
