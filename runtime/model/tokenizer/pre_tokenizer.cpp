#include "runtime/model/tokenizer/pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/model/tokenizer/byte_level.hpp"
#include "runtime/model/tokenizer/normalizer.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

constexpr const char* kKnown =
    "Sequence, Split, Digits, ByteLevel, Metaspace, Whitespace, WhitespaceSplit and Punctuation";
// GPT-2's: contractions, words, numbers and symbols with the space before them, and runs of space up to the last.
constexpr const char* kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Words and what is neither word nor space. Oniguruma's \w lacks the two joiners, which belong to words here.
constexpr const char* kWordPattern = R"([\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+)";
const std::array<std::string, 5> kBehaviors = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                                               "Contiguous"};

Error too_long() {
  return {ErrorCode::kTooLarge,
          "the text is longer than " + std::to_string(kMaxTextBytes) + " bytes once pre-tokenized; shorten it"};
}

// Puts the spans of one piece in its place.
void take(std::vector<Piece>& list, const Piece& piece, const std::vector<Span>& spans) {
  for (const Span& span : spans) {
    if (span.begin == span.end) continue;
    list.push_back({piece.begin + span.begin, piece.begin + span.end, piece.starts_input && span.begin == 0});
  }
}

// Cuts each piece with `cut(text, spans)`.
template <class Cut>
Result<void> cut_pieces(Pieces& pieces, Cut cut) {
  std::vector<Piece> list;
  list.reserve(pieces.list.size());
  std::vector<Span> spans;
  for (const Piece& piece : pieces.list) {
    TRY_VOID(cut(pieces.view(piece), spans));
    take(list, piece, spans);
  }
  pieces.list = std::move(list);
  return {};
}

// Spells each piece anew with `spell(out, text, piece)`.
template <class Spell>
Result<void> respell_pieces(Pieces& pieces, Spell spell) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 4);
  for (Piece& piece : pieces.list) {
    const std::size_t begin = text.size();
    spell(text, pieces.view(piece), piece);
    piece.begin = begin;
    piece.end = text.size();
    if (text.size() > 2 * kMaxTextBytes) return too_long();
  }
  pieces.text = std::move(text);
  return {};
}

}  // namespace

Result<MetaspaceFields> MetaspaceFields::parse(const Fields& component) {
  MetaspaceFields fields;
  TRY(replacement, component.text("replacement"));
  if (replacement.empty() || character_at(replacement, 0).length != replacement.size()) {
    return component.wrong("replacement", "a string of one character");
  }
  fields.replacement = replacement;
  TRY(add_prefix_space, component.flag_or("add_prefix_space", true));
  if (component.find("prepend_scheme")) {
    const std::array<std::string, 3> schemes = {"always", "first", "never"};
    TRY(scheme, component.one_of("prepend_scheme", schemes));
    fields.scheme = static_cast<PrependScheme>(scheme);
    if (!add_prefix_space && fields.scheme != PrependScheme::kNever) {
      return Error{
          ErrorCode::kInvalidInput,
          component.where() + ": add_prefix_space is false, but prepend_scheme is not \"never\"; they must agree"};
    }
  } else if (!add_prefix_space) {
    fields.scheme = PrependScheme::kNever;
  }
  TRY(split, component.flag_or("split", true));
  fields.split = split;
  return fields;
}

Result<PreTokenizer> PreTokenizer::parse(const Fields& tokenizer) {
  PreTokenizer pre_tokenizer;
  if (tokenizer.find("pre_tokenizer")) {
    TRY(component, tokenizer.object("pre_tokenizer"));
    TRY_VOID(pre_tokenizer.add(component));
  }
  return pre_tokenizer;
}

Result<void> PreTokenizer::add(const Fields& component) {
  if (steps_.size() >= kMaxComponents) {
    return Error{ErrorCode::kTooLarge,
                 component.where() + ": over " + std::to_string(kMaxComponents) + " pre-tokenizers"};
  }
  TRY(type, component.text("type"));
  if (type == "Sequence") {
    TRY(parts, component.objects("pretokenizers", kMaxComponents));
    for (const Fields& part : parts) TRY_VOID(add(part));
  } else if (type == "Split") {
    TRY(pattern, parse_pattern(component));
    TRY(behavior, component.one_of("behavior", kBehaviors));
    TRY(invert, component.flag_or("invert", false));
    steps_.push_back(Split{pattern, static_cast<Behavior>(behavior), invert});
  } else if (type == "Digits") {
    TRY(individual, component.flag_or("individual_digits", false));
    steps_.push_back(Characters{is_numeric, individual ? Behavior::kIsolated : Behavior::kContiguous});
  } else if (type == "ByteLevel") {
    TRY(add_prefix_space, component.flag_or("add_prefix_space", true));
    TRY(use_regex, component.flag_or("use_regex", true));
    ByteLevel step{add_prefix_space, nullptr};
    if (use_regex) {
      TRY(pattern, Regex::compile(kGpt2Pattern, component.where()));
      step.pattern = pattern;
    }
    steps_.push_back(std::move(step));
  } else if (type == "Metaspace") {
    TRY(fields, MetaspaceFields::parse(component));
    TRY(mark, Regex::compile(Regex::escape(fields.replacement), component.where()));
    steps_.push_back(Metaspace{fields, mark});
  } else if (type == "Whitespace") {
    TRY(pattern, Regex::compile(kWordPattern, component.where()));
    steps_.push_back(Split{pattern, Behavior::kRemoved, true});
  } else if (type == "WhitespaceSplit") {
    steps_.push_back(Characters{is_whitespace, Behavior::kRemoved});
  } else if (type == "Punctuation") {
    std::size_t behavior = 0;
    if (component.find("behavior")) {
      TRY(named, component.one_of("behavior", kBehaviors));
      behavior = named;
    }
    steps_.push_back(Characters{is_punctuation, static_cast<Behavior>(behavior)});
  } else {
    return component.unsupported("pre-tokenizer", type, kKnown);
  }
  return {};
}

Result<void> PreTokenizer::apply(Pieces& pieces, MatchContext& context) const {
  for (const Step& step : steps_) {
    TRY_VOID(std::visit([&](const auto& s) { return run(s, pieces, context); }, step));
  }
  return {};
}

Result<void> PreTokenizer::run(const Split& step, Pieces& pieces, MatchContext& context) {
  return cut_pieces(pieces, [&](std::string_view text, std::vector<Span>& spans) -> Result<void> {
    TRY_VOID(step.pattern->spans(text, context, spans));
    if (step.invert) {
      for (Span& span : spans) span.match = !span.match;
    }
    apply_behavior(spans, step.behavior);
    return {};
  });
}

Result<void> PreTokenizer::run(const Characters& step, Pieces& pieces, MatchContext&) {
  return cut_pieces(pieces, [&](std::string_view text, std::vector<Span>& spans) -> Result<void> {
    spans_of_characters(text, step.is_match, spans);
    apply_behavior(spans, step.behavior);
    return {};
  });
}

Result<void> PreTokenizer::run(const ByteLevel& step, Pieces& pieces, MatchContext& context) {
  if (step.add_prefix_space) {
    TRY_VOID(respell_pieces(pieces, [](std::string& out, std::string_view text, const Piece&) {
      if (text[0] != ' ') out += ' ';
      out += text;
    }));
  }
  if (step.pattern) TRY_VOID(run(Split{step.pattern, Behavior::kIsolated, false}, pieces, context));
  return respell_pieces(
      pieces, [](std::string& out, std::string_view text, const Piece&) { append_byte_characters(out, text); });
}

Result<void> PreTokenizer::run(const Metaspace& step, Pieces& pieces, MatchContext& context) {
  const std::string& mark = step.fields.replacement;
  const PrependScheme scheme = step.fields.scheme;
  TRY_VOID(respell_pieces(pieces, [&](std::string& out, std::string_view text, const Piece& piece) {
    const bool marked = text[0] == ' ' || text.starts_with(mark);
    if (!marked && (scheme == PrependScheme::kAlways || (scheme == PrependScheme::kFirst && piece.starts_input)))
      out += mark;
    for (const char c : text) {
      if (c == ' ') {
        out += mark;
      } else {
        out += c;
      }
    }
  }));
  return step.fields.split ? run(Split{step.mark, Behavior::kMergedWithNext, false}, pieces, context) : Result<void>();
}

}  // namespace troupe::model::tok
