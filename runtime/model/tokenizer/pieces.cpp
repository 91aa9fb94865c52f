#include "runtime/model/tokenizer/pieces.hpp"

#include <algorithm>

#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

// Joins `span` to the last one kept when `joins`.
void keep(std::vector<Span>& kept, const Span& span, bool joins) {
  if (joins && !kept.empty()) {
    kept.back().begin = std::min(kept.back().begin, span.begin);
    kept.back().end = std::max(kept.back().end, span.end);
  } else {
    kept.push_back(span);
  }
}

}  // namespace

void apply_behavior(std::vector<Span>& spans, Behavior behavior) {
  if (behavior == Behavior::kIsolated) return;
  if (behavior == Behavior::kRemoved) {
    std::erase_if(spans, [](const Span& span) { return span.match; });
    return;
  }
  std::vector<Span> kept;
  kept.reserve(spans.size());
  bool previous = false;  // whether the span before was a match; none before the first
  const auto step = [&](const Span& span) {
    keep(kept, span, behavior == Behavior::kContiguous ? span.match == previous : span.match && !previous);
    previous = span.match;
  };
  if (behavior == Behavior::kMergedWithNext) {
    std::for_each(spans.rbegin(), spans.rend(), step);
    std::reverse(kept.begin(), kept.end());
  } else {
    std::for_each(spans.begin(), spans.end(), step);
  }
  spans = std::move(kept);
}

void spans_of_characters(std::string_view text, bool (*is_match)(char32_t), std::vector<Span>& out) {
  out.clear();
  std::size_t covered = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const std::size_t end = at + character.length;
    if (is_match(character.code)) {
      if (covered < at) out.push_back({covered, at, false});
      out.push_back({at, end, true});
      covered = end;
    }
    at = end;
  }
  if (covered < text.size()) out.push_back({covered, text.size(), false});
}

}  // namespace troupe::model::tok
