// UTF-8 as the Unicode standard has it (table 3-7): no overlong forms, no surrogates, nothing past U+10FFFF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Whether all of `text` is well-formed.
bool is_valid_utf8(std::string_view text);

/// Bytes at the end of `text` that begin a character but do not complete it (0 to 3): what a stream must hold back.
std::size_t incomplete_utf8_suffix(std::string_view text);

/// Replaces each maximal ill-formed part by U+FFFD, as Unicode recommends and Python's errors="replace" does.
std::string replace_invalid_utf8(std::string_view text);

/// Length of the well-formed character that starts at `text[at]`, or 0 where none does.
std::size_t utf8_character_length(std::string_view text, std::size_t at);

/// Appends the code point, which must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace troupe
