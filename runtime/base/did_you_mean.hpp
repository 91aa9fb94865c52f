// Finds the word somebody probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// Number of insertions, deletions, replacements and neighbour swaps that turn one word into the other
/// (Damerau-Levenshtein, optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `known` within two edits of `word` (one for words under four letters), or an empty string.
std::string nearest_word(std::string_view word, std::span<const std::string> known);

/// " (did you mean \"x\"?)" or an empty string, ready to append to a message.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace troupe
