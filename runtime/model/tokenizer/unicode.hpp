// Facts about characters, and the normal forms of Unicode (utf8proc's tables).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::model::tok {

struct Character {
  char32_t code;
  std::size_t length;  ///< in bytes
};

/// The character that starts at `text[at]`; `text` must be UTF-8 and `at` a character's start.
Character character_at(std::string_view text, std::size_t at);

bool is_whitespace(char32_t code);      ///< White_Space
bool is_numeric(char32_t code);         ///< general categories Nd, Nl, No
bool is_punctuation(char32_t code);     ///< ASCII punctuation and symbols, and general categories P*
bool is_combining_mark(char32_t code);  ///< general categories M*
bool is_word(char32_t code);  ///< letters, marks, decimal digits, connectors, joiners: a regular expression's \w

/// Appends the lower-case form, which for U+0130 is two characters.
void append_lower_case(std::string& out, char32_t code);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

/// `text` must be UTF-8. O(n log n) even for a text that is one run of combining marks.
std::string normal_form(std::string_view text, NormalForm form);

}  // namespace troupe::model::tok
