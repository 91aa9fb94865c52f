#include "runtime/model/tokenizer/normalizer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/base/utf8.hpp"

namespace troupe::model::tok {
namespace {

constexpr const char* kKnown = "Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip and StripAccents";

// `text` in normal form, run by run of equal trust, would not compose across the runs. So the whole is normalized, and
// where the runs' own forms agree with it from the left or from the right, their marks hold; what is between counts as
// untrusted.
std::string marks_of_form(const NormalText& before, const std::string& after, NormalForm form) {
  std::string apart, marks;
  for (std::size_t at = 0; at < before.text.size();) {
    std::size_t end = at + 1;
    while (end < before.text.size() && before.marks[end] == before.marks[at]) ++end;
    apart += normal_form(std::string_view(before.text).substr(at, end - at), form);
    marks.resize(apart.size(), before.marks[at]);
    at = end;
  }
  const auto left = static_cast<std::size_t>(
      std::mismatch(after.begin(), after.end(), apart.begin(), apart.end()).first - after.begin());
  std::string result(after.size(), '\0');
  std::copy_n(marks.begin(), left, result.begin());
  for (std::size_t n = 1; n <= std::min(after.size(), apart.size()) && after.size() - n >= left; ++n) {
    if (after[after.size() - n] != apart[apart.size() - n]) break;
    result[after.size() - n] = marks[marks.size() - n];
  }
  return result;
}

// Calls `write(out, character)` for each character; what it appends takes the character's mark.
template <class Write>
void rewrite(NormalText& text, Write write) {
  NormalText out;
  out.text.reserve(text.text.size());
  for (std::size_t at = 0; at < text.text.size();) {
    const Character character = character_at(text.text, at);
    write(out.text, character.code);
    if (!text.marks.empty()) out.marks.resize(out.text.size(), text.marks[at]);
    at += character.length;
  }
  text.text = std::move(out.text);
  text.marks = std::move(out.marks);
}

Error too_long() {
  return {ErrorCode::kTooLarge,
          "the text is longer than " + std::to_string(kMaxTextBytes) + " bytes once normalized; shorten it"};
}

}  // namespace

Result<std::shared_ptr<const Regex>> parse_pattern(const Fields& component) {
  TRY(pattern, component.object("pattern"));
  const bool literal = pattern.find("String") != nullptr;
  TRY(text, pattern.text(literal ? "String" : "Regex"));
  return Regex::compile(literal ? Regex::escape(text) : text, pattern.where());
}

Result<Normalizer> Normalizer::parse(const Fields& tokenizer) {
  Normalizer normalizer;
  if (tokenizer.find("normalizer")) {
    TRY(component, tokenizer.object("normalizer"));
    TRY_VOID(normalizer.add(component));
  }
  return normalizer;
}

Result<void> Normalizer::add(const Fields& component) {
  if (steps_.size() >= kMaxComponents) {
    return Error{ErrorCode::kTooLarge, component.where() + ": over " + std::to_string(kMaxComponents) + " normalizers"};
  }
  TRY(type, component.text("type"));
  if (type == "Sequence") {
    TRY(parts, component.objects("normalizers", kMaxComponents));
    for (const Fields& part : parts) TRY_VOID(add(part));
  } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    const std::array<std::string, 4> names = {"NFC", "NFD", "NFKC", "NFKD"};
    steps_.push_back(Form{static_cast<NormalForm>(std::find(names.begin(), names.end(), type) - names.begin())});
  } else if (type == "Prepend") {
    TRY(text, component.text("prepend"));
    steps_.push_back(Prepend{text});
  } else if (type == "Replace") {
    TRY(pattern, parse_pattern(component));
    TRY(content, component.text("content"));
    steps_.push_back(Replace{pattern, content});
  } else if (type == "Lowercase") {
    steps_.push_back(LowerCase{});
  } else if (type == "Strip") {
    TRY(left, component.flag_or("strip_left", true));
    TRY(right, component.flag_or("strip_right", true));
    steps_.push_back(Strip{left, right});
  } else if (type == "StripAccents") {
    steps_.push_back(StripAccents{});
  } else {
    return component.unsupported("normalizer", type, kKnown);
  }
  return {};
}

Result<void> Normalizer::apply(NormalText& text, MatchContext& context) const {
  for (const Step& step : steps_) {
    TRY_VOID(std::visit([&](const auto& s) { return run(s, text, context); }, step));
    if (text.text.size() > kMaxTextBytes) return too_long();
  }
  return {};
}

Result<void> Normalizer::run(const Form& step, NormalText& text, MatchContext&) {
  std::string after = normal_form(text.text, step.form);
  if (!text.marks.empty()) text.marks = marks_of_form(text, after, step.form);
  text.text = std::move(after);
  return {};
}

Result<void> Normalizer::run(const Prepend& step, NormalText& text, MatchContext&) {
  if (text.text.empty()) return {};
  if (step.text.size() > kMaxTextBytes) return too_long();
  if (!text.marks.empty()) text.marks.insert(0, step.text.size(), text.marks[0]);
  text.text.insert(0, step.text);
  return {};
}

Result<void> Normalizer::run(const Replace& step, NormalText& text, MatchContext& context) {
  std::vector<Span> spans;
  TRY_VOID(step.pattern->spans(text.text, context, spans));
  NormalText out;
  for (const Span& span : spans) {
    if (!span.match) {
      out.text.append(text.text, span.begin, span.end - span.begin);
      if (!text.marks.empty()) out.marks.append(text.marks, span.begin, span.end - span.begin);
      continue;
    }
    if (out.text.size() + step.content.size() > kMaxTextBytes) return too_long();
    out.text += step.content;
    if (text.marks.empty()) continue;
    const auto marks = std::string_view(text.marks).substr(span.begin, span.end - span.begin);
    const bool trusted = !marks.empty() && marks.find('\0') == std::string_view::npos;
    out.marks.append(step.content.size(), trusted ? 1 : 0);
  }
  if (!spans.empty() && spans[0].match && step.content.empty() && spans[0].end > 0) text.starts_input = false;
  text.text = std::move(out.text);
  text.marks = std::move(out.marks);
  return {};
}

Result<void> Normalizer::run(const Strip& step, NormalText& text, MatchContext&) {
  std::size_t first = text.text.size(), last = 0;  // of what is not space
  for (std::size_t at = 0; at < text.text.size();) {
    const Character character = character_at(text.text, at);
    if (!is_whitespace(character.code)) {
      first = std::min(first, at);
      last = at + character.length;
    }
    at += character.length;
  }
  const std::size_t begin = step.left ? first : 0;
  const std::size_t end = std::max(begin, step.right ? last : text.text.size());
  if (begin > 0) text.starts_input = false;
  text.text = text.text.substr(begin, end - begin);
  if (!text.marks.empty()) text.marks = text.marks.substr(begin, end - begin);
  return {};
}

Result<void> Normalizer::run(const LowerCase&, NormalText& text, MatchContext&) {
  rewrite(text, [](std::string& out, char32_t code) { append_lower_case(out, code); });
  return {};
}

Result<void> Normalizer::run(const StripAccents&, NormalText& text, MatchContext&) {
  if (!text.text.empty() && is_combining_mark(character_at(text.text, 0).code)) text.starts_input = false;
  rewrite(text, [](std::string& out, char32_t code) {
    if (!is_combining_mark(code)) append_utf8(out, code);
  });
  return {};
}

}  // namespace troupe::model::tok
