// GPT-2's alphabet: each byte as one printable character, so that a vocabulary of texts can hold any bytes.
#pragma once

#include <string>
#include <string_view>

namespace troupe::model::tok {

/// The character that stands for `byte`: itself where printable Latin-1, else the next free one from U+0100 on.
char32_t byte_character(unsigned char byte);

/// Each byte of `text` as its character, appended to `out`.
void append_byte_characters(std::string& out, std::string_view text);

/// The bytes that `token` stands for; its own bytes if any of its characters is not of the alphabet. `token` must be
/// UTF-8.
std::string bytes_of_characters(std::string_view token);

}  // namespace troupe::model::tok
