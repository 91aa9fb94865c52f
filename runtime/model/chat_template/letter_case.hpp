// Upper and lower case of the alphabets that have one letter for one letter: Latin, Greek, Cyrillic, Armenian. Other
// letters, and those that change length (ß), stay as they are, where Python would change them.
#pragma once

#include "runtime/model/chat_template/text.hpp"

namespace troupe::model::jinja {

char32_t to_upper(char32_t c);
char32_t to_lower(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
/// A letter of any script, as far as blocks of code points tell.
bool is_letter(char32_t c);

/// `kTitle`: as str.title; `kCapital`: the first character upper, the rest lower; `kSwapped`: each letter the other
/// way.
enum class LetterCase { kUpper, kLower, kTitle, kCapital, kSwapped };
Text with_case(const Text& text, LetterCase letter_case);

}  // namespace troupe::model::jinja
