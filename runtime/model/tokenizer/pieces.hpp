// A text in pieces, and the ways of cutting it that tokenizer files name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer/regex.hpp"

namespace troupe::model::tok {

/// Part of a Pieces' text, in bytes. Never empty.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool starts_input = false;  ///< it begins where the whole input begins
};

struct Pieces {
  std::string text;
  std::vector<Piece> list;
  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

/// What becomes of the matches of a cut: `Isolated`, `Removed`, ... in the file.
enum class Behavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// Joins or drops the spans of one piece as `behavior` says: those of them that are left stand in `spans`, empty ones
/// among them.
void apply_behavior(std::vector<Span>& spans, Behavior behavior);

/// Cuts `text` into single characters that `is_match` and what lies between.
void spans_of_characters(std::string_view text, bool (*is_match)(char32_t), std::vector<Span>& out);

}  // namespace troupe::model::tok
