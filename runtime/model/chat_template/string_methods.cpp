// The methods of strings, as Python's str has them.
#include <algorithm>

#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/letter_case.hpp"
#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/print.hpp"
#include "runtime/model/chat_template/strings.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

/// A string argument, or null where it was left out or None.
Result<const Text*> optional_text(const Bound& bound, std::size_t i) {
  if (!bound.has(i)) return static_cast<const Text*>(nullptr);
  return bound.text(i);
}

/// The result is a safe string if the one it was made of is.
Value like(const Value& self, Text text) {
  Value value = string(std::move(text));
  value.markup = self.markup;
  return value;
}

template <Side side>
Result<Value> strip_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"chars"}, 0));
  TRY(characters, optional_text(bound, 0));
  TRY(text, strip(evaluator.budget(), self.text(), characters, side));
  return like(self, std::move(text));
}

template <LetterCase letter_case>
Result<Value> case_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY_VOID(evaluator.budget().string(self.text().size() * 2));
  return like(self, with_case(self.text(), letter_case));
}

template <bool from_right>
Result<Value> split_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"sep", "maxsplit"}, 0));
  TRY(separator, optional_text(bound, 0));
  TRY(limit, bound.integer(1, -1));
  return split(evaluator.budget(), self.text(), separator, limit, from_right);
}

Result<Value> splitlines(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"keepends"}, 0));
  TRY(lines, split_lines(evaluator.budget(), self.text(), bound.flag(0, false)));
  return make_sequence(evaluator.budget(), Flavor::kList, std::move(lines));
}

/// The bytes of self[start:end], by arguments 1 and 2.
struct Window {
  std::size_t from, to;
  bool empty;  ///< start lies past the end: not even "" is found
};
Result<Window> window(Budget& budget, const Text& text, const Bound& bound) {
  TRY_VOID(budget.read(text.size() + 1));
  if (!bound.has(1) && !bound.has(2)) return Window{0, text.size(), false};
  const auto count = static_cast<std::int64_t>(count_characters(text.bytes()));
  std::int64_t ends[2] = {0, count};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!bound.has(i + 1)) continue;
    TRY(given, bound.integer(i + 1, 0));
    ends[i] = given < 0 ? std::max<std::int64_t>(given + count, 0) : given;
  }
  if (ends[0] > std::min(ends[1], count)) return Window{0, 0, true};
  const std::size_t from = offset_of_character(text.bytes(), static_cast<std::size_t>(ends[0]));
  return Window{from, offset_of_character(text.bytes(), static_cast<std::size_t>(std::min(ends[1], count))), false};
}

template <bool at_start>
Result<Value> affix_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"affix", "start", "end"}, 1));
  Values affixes = {bound.required(0)};
  if (bound.required(0).is_flavor(Flavor::kTuple)) affixes = bound.required(0).sequence().items;
  TRY(place, window(evaluator.budget(), self.text(), bound));
  const std::string_view bytes = self.text().bytes().substr(place.from, place.to - place.from);
  for (const Value& affix : affixes) {
    TRY_VOID(evaluator.budget().steps());
    if (affix.is_undefined()) return undefined_error(affix);
    if (!affix.is_string())
      return invalid(joined({"argument 1 is a ", type_name(affix), "; expected a str or a tuple of them"}));
    TRY_VOID(evaluator.budget().read(affix.text().size()));
    if (!place.empty && (at_start ? bytes.starts_with(affix.text().bytes()) : bytes.ends_with(affix.text().bytes())))
      return boolean(true);
  }
  return boolean(false);
}

template <bool last, bool must_be_there>
Result<Value> find_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"sub", "start", "end"}, 1));
  TRY(part, bound.text(0));
  TRY(place, window(evaluator.budget(), self.text(), bound));
  const std::string_view bytes = self.text().bytes().substr(place.from, place.to - place.from);
  const std::size_t found = place.empty ? std::string_view::npos
                            : last      ? find_last_bytes(bytes, part->bytes())
                                        : find_bytes(bytes, part->bytes());
  if (found == std::string_view::npos) {
    if (must_be_there) return invalid("the text is not there");
    return integer(-1);
  }
  return integer(static_cast<std::int64_t>(count_characters(self.text().bytes().substr(0, place.from + found))));
}

Result<Value> count_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"sub", "start", "end"}, 1));
  TRY(part, bound.text(0));
  TRY(place, window(evaluator.budget(), self.text(), bound));
  if (place.empty) return integer(0);
  TRY(count, count_of(evaluator.budget(), self.text().slice(place.from, place.to), *part));
  return integer(count);
}

Result<Value> replace_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"old", "new", "count"}, 2));
  TRY(old, bound.text(0));
  TRY(by, bound.text(1));
  TRY(count, bound.integer(2, -1));
  TRY(text, replace(evaluator.budget(), self.text(), *old, *by, count));
  return like(self, std::move(text));
}

Result<Value> join_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"iterable"}, 1));
  TRY(items, iterate(evaluator.budget(), bound.required(0)));
  for (const Value& item : items->items) {
    if (item.is_undefined()) return undefined_error(item);
    if (!item.is_string()) return invalid(joined({"cannot join a ", type_name(item), "; expected strings"}));
  }
  return join(evaluator.budget(), self.text(), items->items);
}

template <Side text_side>
Result<Value> pad_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"width", "fillchar"}, 1));
  TRY(width, bound.integer(0, 0));
  char fill = ' ';
  if (bound.has(1)) {
    TRY(given, bound.text(1));
    if (given->size() != 1) return invalid("the fill is not one ASCII character");
    fill = given->bytes()[0];
  }
  TRY(text, pad(evaluator.budget(), self.text(), width, text_side, fill));
  return string(std::move(text));
}

Result<Value> zfill(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"width"}, 1));
  TRY(width, bound.integer(0, 0));
  const Text& text = self.text();
  const std::size_t sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+') ? 1 : 0;
  TRY(padded, pad(evaluator.budget(), text.slice(sign, text.size()),
                  width - static_cast<std::int64_t>(std::min<std::int64_t>(width, static_cast<std::int64_t>(sign))),
                  Side::kRight, '0'));
  Text out = text.slice(0, sign);
  out.append(padded);
  return string(std::move(out));
}

template <bool prefix>
Result<Value> remove_affix(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"affix"}, 1));
  TRY(affix, bound.text(0));
  const Text& text = self.text();
  TRY_VOID(evaluator.budget().string(text.size()));
  const bool there = prefix ? text.bytes().starts_with(affix->bytes()) : text.bytes().ends_with(affix->bytes());
  if (!there) return self;
  return string(prefix ? text.slice(affix->size(), text.size()) : text.slice(0, text.size() - affix->size()));
}

template <bool from_right>
Result<Value> partition(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"sep"}, 1));
  TRY(separator, bound.text(0));
  if (separator->empty()) return invalid("the separator is empty");
  const Text& text = self.text();
  TRY_VOID(evaluator.budget().string(text.size()));
  const std::size_t at =
      from_right ? find_last_bytes(text.bytes(), separator->bytes()) : find_bytes(text.bytes(), separator->bytes());
  if (at == std::string_view::npos) {
    Values missing = from_right ? Values{literal(""), literal(""), self} : Values{self, literal(""), literal("")};
    return make_sequence(evaluator.budget(), Flavor::kTuple, std::move(missing));
  }
  const std::size_t after = at + separator->size();
  return make_sequence(
      evaluator.budget(), Flavor::kTuple,
      {string(text.slice(0, at)), string(text.slice(at, after)), string(text.slice(after, text.size()))});
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

/// All characters are of the class, and there is one.
template <bool (*is_one)(char32_t)>
Result<Value> all_are(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  const std::string_view bytes = self.text().bytes();
  TRY_VOID(evaluator.budget().read(bytes.size()));
  for (std::size_t at = 0; at < bytes.size();) {
    const Character c = character_at(bytes, at);
    if (!is_one(c.code_point)) return boolean(false);
    at += c.length;
  }
  return boolean(!bytes.empty());
}

bool is_letter_or_digit(char32_t c) { return is_letter(c) || is_digit(c); }
bool is_ascii(char32_t c) { return c < 0x80; }

/// No letter is of the other case, and there is one of this.
template <bool upper>
Result<Value> case_is(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  const std::string_view bytes = self.text().bytes();
  TRY_VOID(evaluator.budget().read(bytes.size()));
  bool found = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character c = character_at(bytes, at);
    if (upper ? is_lower(c.code_point) : is_upper(c.code_point)) return boolean(false);
    found = found || is_upper(c.code_point) || is_lower(c.code_point);
    at += c.length;
  }
  return boolean(found);
}

/// str.format with plain fields: {}, {0}, {name}; a format after ':' is refused.
Result<Value> format_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Text& format = self.text();
  const std::string_view bytes = format.bytes();
  Text out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
    TRY_VOID(evaluator.budget().steps());
    out.append(format.slice(at, brace));
    if (brace == bytes.size()) break;
    if (bytes.substr(brace, 2) == "{{" || bytes.substr(brace, 2) == "}}") {
      out.append(format.slice(brace, brace + 1));
      at = brace + 2;
      continue;
    }
    const std::size_t end = bytes.find('}', brace);
    if (bytes[brace] == '}' || end == std::string_view::npos)
      return invalid("a brace has no partner; write '{{' or '}}' for a brace");
    const std::string_view field = bytes.substr(brace + 1, end - brace - 1);
    if (field.find_first_of(":!.[{") != std::string_view::npos) {
      return Error{ErrorCode::kUnsupported, "only plain fields ('{}', '{0}', '{name}') are supported"};
    }
    const Value* value = nullptr;
    const auto index =
        field.empty() ? std::optional<std::int64_t>(static_cast<std::int64_t>(next++)) : parse_integer(field, 10);
    if (index && *index >= 0 && static_cast<std::size_t>(*index) < arguments.positional.size()) {
      value = &arguments.positional[static_cast<std::size_t>(*index)];
    }
    for (const auto& [name, named] : arguments.named) {
      if (name == field) value = &named;
    }
    if (value == nullptr) return invalid(joined({"there is no argument for the field '{", field.substr(0, 64), "}'"}));
    TRY(text, to_text(evaluator.budget(), *value));
    TRY_VOID(evaluator.budget().string(out.size() + text.size()));
    out.append(text);
    at = end + 1;
  }
  TRY_VOID(evaluator.budget().string(out.size()));
  return string(std::move(out));
}

}  // namespace

const NativeTable& string_methods() {
  static const NativeTable kTable = {{"strip", strip_method<Side::kBoth>},
                                     {"lstrip", strip_method<Side::kLeft>},
                                     {"rstrip", strip_method<Side::kRight>},
                                     {"upper", case_method<LetterCase::kUpper>},
                                     {"lower", case_method<LetterCase::kLower>},
                                     {"casefold", case_method<LetterCase::kLower>},
                                     {"title", case_method<LetterCase::kTitle>},
                                     {"capitalize", case_method<LetterCase::kCapital>},
                                     {"swapcase", case_method<LetterCase::kSwapped>},
                                     {"split", split_method<false>},
                                     {"rsplit", split_method<true>},
                                     {"splitlines", splitlines},
                                     {"startswith", affix_method<true>},
                                     {"endswith", affix_method<false>},
                                     {"find", find_method<false, false>},
                                     {"rfind", find_method<true, false>},
                                     {"index", find_method<false, true>},
                                     {"rindex", find_method<true, true>},
                                     {"count", count_method},
                                     {"replace", replace_method},
                                     {"join", join_method},
                                     {"center", pad_method<Side::kBoth>},
                                     {"ljust", pad_method<Side::kLeft>},
                                     {"rjust", pad_method<Side::kRight>},
                                     {"zfill", zfill},
                                     {"removeprefix", remove_affix<true>},
                                     {"removesuffix", remove_affix<false>},
                                     {"partition", partition<false>},
                                     {"rpartition", partition<true>},
                                     {"isdigit", all_are<is_digit>},
                                     {"isdecimal", all_are<is_digit>},
                                     {"isnumeric", all_are<is_digit>},
                                     {"isalpha", all_are<is_letter>},
                                     {"isalnum", all_are<is_letter_or_digit>},
                                     {"isspace", all_are<is_space>},
                                     {"isascii", all_are<is_ascii>},
                                     {"isupper", case_is<true>},
                                     {"islower", case_is<false>},
                                     {"format", format_method}};
  return kTable;
}

}  // namespace troupe::model::jinja
