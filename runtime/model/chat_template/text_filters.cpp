// Filters that make text or a number of one value.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/filters.hpp"
#include "runtime/model/chat_template/letter_case.hpp"
#include "runtime/model/chat_template/print.hpp"
#include "runtime/model/chat_template/strings.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

Value like(const Value& self, Text text) {
  Value value = string(std::move(text));
  value.markup = self.markup;
  return value;
}

/// No arguments; the value as it prints, in another case.
template <LetterCase letter_case>
Result<Value> case_filter(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(text, to_text(evaluator.budget(), self));
  TRY_VOID(evaluator.budget().string(text.size() * 2));
  return like(self, with_case(text, letter_case));
}

// jinja2's own title: a word begins after a space, '-' or an opening bracket, not after every character that is no
// letter.
Result<Value> title(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(text, to_text(evaluator.budget(), self));
  TRY_VOID(evaluator.budget().steps(text.size()));
  Text out;
  std::size_t word = 0;
  const std::string_view bytes = text.bytes();
  for (std::size_t at = 0; at <= bytes.size();) {
    const bool ends = at == bytes.size() || is_space(character_at(bytes, at).code_point) ||
                      std::string_view("-({[<").find(bytes[at]) != std::string_view::npos;
    if (ends && word < at) out.append(with_case(text.slice(word, at), LetterCase::kCapital));
    if (at == bytes.size()) break;
    const std::size_t next = at + character_at(bytes, at).length;
    if (ends) {
      out.append(text.slice(at, next));
      word = next;
    }
    at = next;
  }
  return string(std::move(out));
}

Result<Value> trim(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"chars"}, 0));
  const Text* characters = nullptr;
  if (bound.has(0)) {
    TRY(given, bound.text(0));
    characters = given;
  }
  TRY(text, to_text(evaluator.budget(), self));
  TRY(stripped, strip(evaluator.budget(), text, characters, Side::kBoth));
  return like(self, std::move(stripped));
}

Result<Value> to_string(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.is_string()) return self;
  TRY(text, to_text(evaluator.budget(), self));
  return string(std::move(text));
}

template <bool escapes>
Result<Value> safe(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.markup) return self;
  TRY(text, to_text(evaluator.budget(), self));
  Value value;
  if (escapes) {
    TRY(escaped, escape_html(evaluator.budget(), text));
    value = string(std::move(escaped));
  } else {
    value = string(std::move(text));
  }
  value.markup = true;
  return value;
}

Result<Value> replace_filter(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"old", "new", "count"}, 2));
  Budget& budget = evaluator.budget();
  TRY(text, to_text(budget, self));
  TRY(old, to_text(budget, bound.required(0)));
  TRY(by, to_text(budget, bound.required(1)));
  std::int64_t count = -1;
  if (bound.has(2)) {
    TRY(given, bound.integer(2, -1));
    count = given;
  }
  TRY(replaced, replace(budget, text, old, by, count));
  return string(std::move(replaced));
}

Result<Value> indent(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"width", "first", "blank"}, 0));
  Budget& budget = evaluator.budget();
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_string()) return invalid(joined({"needs a str, not a ", type_name(self)}));
  Text indention(std::string(4, ' '), true);
  if (bound[0] != nullptr && bound.required(0).is_string()) {
    indention = bound.required(0).text();
  } else if (bound[0] != nullptr) {
    TRY(width, bound.integer(0, 4));
    if (width > 4096) return Error{ErrorCode::kTooLarge, "an indent of more than 4096 spaces"};
    indention = Text(std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' '), true);
  }
  Text source = self.text();
  source.append("\n", true);
  TRY(lines, split_lines(budget, source, false));
  Text out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Text& line = lines[i].text();
    if (i != 0) out.append("\n", true);
    const bool indented = i == 0 ? bound.flag(1, false) : bound.flag(2, false) || !line.empty();
    if (indented) {
      if (out.size() + indention.size() > budget.limits().output_bytes)
        return budget.string(out.size() + indention.size()).error();
      TRY_VOID(budget.read(indention.size()));
      out.append(indention);
    }
    out.append(line);
  }
  TRY_VOID(budget.string(out.size()));
  return like(self, std::move(out));
}

Result<Value> center(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"width"}, 0));
  TRY(width, bound.integer(0, 80));
  TRY(text, to_text(evaluator.budget(), self));
  TRY(centered, pad(evaluator.budget(), text, width, Side::kBoth, ' '));
  return string(std::move(centered));
}

Result<Value> truncate(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"length", "killwords", "end", "leeway"}, 0));
  Budget& budget = evaluator.budget();
  TRY(length, bound.integer(0, 255));
  std::int64_t leeway = 5;
  if (bound.has(3)) {
    TRY(given, bound.integer(3, 5));
    leeway = given;
  }
  Text end("...", true);
  if (bound[2] != nullptr) {
    TRY(given, bound.text(2));
    end = *given;
  }
  TRY(text, to_text(budget, self));
  TRY_VOID(budget.string(text.size() + end.size()));
  const auto end_length = static_cast<std::int64_t>(count_characters(end.bytes()));
  if (length < end_length || leeway < 0)
    return invalid("the length is shorter than the end, or the leeway is negative");
  const auto count = static_cast<std::int64_t>(count_characters(text.bytes()));
  if (count <= length || count - length <= leeway) return string(std::move(text));
  std::size_t cut = offset_of_character(text.bytes(), static_cast<std::size_t>(length - end_length));
  if (!bound.flag(1, false)) {
    const std::size_t space = find_last_bytes(text.bytes().substr(0, cut), " ");
    if (space != std::string_view::npos) cut = space;
  }
  Text out = text.slice(0, cut);
  out.append(end);
  return string(std::move(out));
}

Result<Value> tojson(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0));
  JsonStyle style;
  style.ensure_ascii = bound.flag(0, false);
  style.sort_keys = bound.flag(3, false);
  if (bound.has(1)) {
    if (bound.required(1).is_string()) {
      style.indent = std::string(bound.required(1).text().bytes());
    } else {
      TRY(width, bound.integer(1, 0));
      style.indent = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 4096)), ' ');
    }
    if (style.indent->size() > 4096) return Error{ErrorCode::kTooLarge, "an indent of more than 4096 bytes"};
    style.item_separator.pop_back();  // no space before a new line
  }
  if (bound.has(2)) {
    TRY(parts, iterate(evaluator.budget(), bound.required(2)));
    if (parts->items.size() != 2 || !parts->items[0].is_string() || !parts->items[1].is_string()) {
      return invalid("separators must be two strings");
    }
    style.item_separator = std::string(parts->items[0].text().bytes());
    style.key_separator = std::string(parts->items[1].text().bytes());
  }
  TRY(text, to_json(evaluator.budget(), self, style));
  return string(std::move(text));
}

Result<Value> to_int(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"default", "base"}, 0));
  TRY(base, bound.integer(1, 10));
  const Value fallback = bound[0] == nullptr ? integer(0) : *bound[0];
  if (self.is_undefined()) return undefined_error(self);
  std::optional<double> real;
  if (self.is_integer()) return integer(self.integer(), self.trusted);
  if (self.kind() == Kind::kBigInt) return self;
  if (self.kind() == Kind::kFloat) real = self.number();
  if (self.is_string()) {
    TRY_VOID(evaluator.budget().read(self.text().size()));
    if (const auto whole =
            parse_integer(self.text().bytes(), static_cast<int>(std::clamp<std::int64_t>(base, -1, 99)))) {
      return integer(*whole, self.text().trusted());
    }
    real = parse_float(self.text().bytes());
  }
  if (!real || std::isnan(*real) || std::isinf(*real)) return fallback;
  if (std::abs(*real) >= 0x1p63) return Error{ErrorCode::kUnsupported, "the number does not fit 64 bits"};
  return integer(static_cast<std::int64_t>(*real), self.is_string() ? self.text().trusted() : self.trusted);
}

Result<Value> to_float(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"default"}, 0));
  if (self.is_undefined()) return undefined_error(self);
  if (self.is_number()) return floating(self.number(), self.trusted);
  if (self.is_string()) {
    TRY_VOID(evaluator.budget().read(self.text().size()));
    if (const auto real = parse_float(self.text().bytes())) return floating(*real, self.text().trusted());
  }
  return bound[0] == nullptr ? floating(0.0) : *bound[0];
}

Result<Value> absolute(Evaluator&, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.is_integer()) return self.integer() < 0 ? negate(self) : plus(self);
  if (self.kind() == Kind::kFloat) return floating(std::abs(self.number()), self.trusted);
  if (self.is_undefined()) return undefined_error(self);
  return invalid(joined({"a ", type_name(self), " has no absolute value"}));
}

Result<Value> round(Evaluator&, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"precision", "method"}, 0));
  TRY(precision, bound.integer(0, 0));
  if (precision < -300 || precision > 300) return Error{ErrorCode::kUnsupported, "a precision past 300 digits"};
  std::string_view method = "common";
  if (bound[1] != nullptr) {
    TRY(given, bound.text(1));
    method = given->bytes();
  }
  if (method != "common" && method != "ceil" && method != "floor")
    return invalid("the method must be common, ceil or floor");
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_number() || self.kind() == Kind::kBigInt)
    return invalid(joined({"a ", type_name(self), " cannot be rounded"}));
  const double number = self.number();
  if (method != "common") {
    const double scale = std::pow(10.0, static_cast<double>(precision));
    const double scaled = method == "ceil" ? std::ceil(number * scale) : std::floor(number * scale);
    return floating(scaled / scale, self.trusted);
  }
  if (self.is_integer() && precision >= 0) return integer(self.integer(), self.trusted);
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    const double rounded = std::nearbyint(number / scale) * scale;
    return self.is_integer() ? integer(static_cast<std::int64_t>(std::clamp(rounded, -0x1p62, 0x1p62)), self.trusted)
                             : floating(rounded, self.trusted);
  }
  if (!std::isfinite(number)) return self;
  // printf rounds the exact binary value, half to even, as Python does.
  char digits[700];
  std::snprintf(digits, sizeof digits, "%.*f", static_cast<int>(precision), number);
  double rounded = number;
  std::from_chars(digits, digits + std::char_traits<char>::length(digits), rounded);
  return floating(rounded, self.trusted);
}

Result<Value> default_filter(Evaluator&, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"default_value", "boolean"}, 0));
  const bool missing = self.is_undefined() || (bound.flag(1, false) && !is_true(self));
  if (!missing) return self;
  return bound[0] == nullptr ? literal("") : *bound[0];
}

Result<Value> length(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.is_string()) TRY_VOID(evaluator.budget().read(self.text().size()));
  TRY(count, length_of(self));
  return integer(count);
}

Result<Value> format(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(text, to_text(evaluator.budget(), self));
  if (!arguments.named.empty()) return Error{ErrorCode::kUnsupported, "takes no arguments by name here"};
  TRY(formatted, format_percent(evaluator.budget(), text, arguments.positional));
  return formatted;
}

}  // namespace

const NativeTable& text_filters() {
  static const NativeTable kTable = {{"upper", case_filter<LetterCase::kUpper>},
                                     {"lower", case_filter<LetterCase::kLower>},
                                     {"capitalize", case_filter<LetterCase::kCapital>},
                                     {"title", title},
                                     {"trim", trim},
                                     {"string", to_string},
                                     {"safe", safe<false>},
                                     {"escape", safe<true>},
                                     {"e", safe<true>},
                                     {"replace", replace_filter},
                                     {"indent", indent},
                                     {"center", center},
                                     {"truncate", truncate},
                                     {"tojson", tojson},
                                     {"int", to_int},
                                     {"float", to_float},
                                     {"abs", absolute},
                                     {"round", round},
                                     {"default", default_filter},
                                     {"d", default_filter},
                                     {"length", length},
                                     {"count", length},
                                     {"format", format}};
  return kTable;
}

const NativeTable& filters() {
  static const NativeTable kTable = [] {
    NativeTable all = text_filters();
    all.insert(sequence_filters().begin(), sequence_filters().end());
    return all;
  }();
  return kTable;
}

}  // namespace troupe::model::jinja
