// Python's 'format' % values, with the conversions that make sense for text: s r d i f x X o c %.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runtime/model/chat_template/operators.hpp"
#include "runtime/model/chat_template/print.hpp"
#include "runtime/model/chat_template/strings.hpp"

namespace troupe::model::jinja {

namespace {

constexpr int kWidest = 4096;

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

/// %[flags][width][.precision]conversion
struct Conversion {
  bool left = false, zeros = false, plus = false, space = false, alternate = false;
  int width = 0;
  int precision = -1;
  char kind = 's';
};

Result<Conversion> read_conversion(std::string_view text, std::size_t& at) {
  Conversion out;
  for (; at < text.size(); ++at) {
    if (text[at] == '-')
      out.left = true;
    else if (text[at] == '0')
      out.zeros = true;
    else if (text[at] == '+')
      out.plus = true;
    else if (text[at] == ' ')
      out.space = true;
    else if (text[at] == '#')
      out.alternate = true;
    else
      break;
  }
  const auto number = [&]() {
    int value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      value = std::min(value * 10 + (text[at] - '0'), kWidest + 1);
    return value;
  };
  out.width = number();
  if (at < text.size() && text[at] == '.') {
    ++at;
    out.precision = number();
  }
  if (out.width > kWidest || out.precision > kWidest) return Error{ErrorCode::kTooLarge, "a format wider than 4096"};
  if (at >= text.size()) return invalid("the format is cut short after '%'");
  out.kind = text[at++];
  return out;
}

Result<Text> number_text(const Conversion& how, const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_number() || value.kind() == Kind::kBigInt)
    return invalid(joined({"'%", {&how.kind, 1}, "' needs a number, not a ", type_name(value)}));
  std::string digits;
  bool negative = false;
  if (how.kind == 'f' || how.kind == 'F') {
    const double number = value.number();
    negative = std::signbit(number);
    const int precision = how.precision < 0 ? 6 : how.precision;
    std::vector<char> buffer(static_cast<std::size_t>(precision) + 400);
    std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, std::abs(number));
    digits = buffer.data();
  } else {
    if (value.kind() == Kind::kFloat && (how.kind == 'x' || how.kind == 'X' || how.kind == 'o'))
      return invalid(joined({"'%", {&how.kind, 1}, "' needs an int"}));
    if (value.kind() == Kind::kFloat && !(std::abs(value.number()) < 0x1p63))
      return invalid("the number does not fit 64 bits");
    const std::int64_t number =
        value.kind() == Kind::kFloat ? static_cast<std::int64_t>(value.number()) : value.integer();
    negative = number < 0;
    const std::uint64_t magnitude =
        negative ? std::uint64_t{0} - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    char buffer[32];
    const char* format = how.kind == 'x' ? "%llx" : how.kind == 'X' ? "%llX" : how.kind == 'o' ? "%llo" : "%llu";
    std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned long long>(magnitude));
    digits = buffer;
    if (how.precision > 0 && digits.size() < static_cast<std::size_t>(how.precision))
      digits.insert(0, static_cast<std::size_t>(how.precision) - digits.size(), '0');
  }
  const std::string sign = negative ? "-" : how.plus ? "+" : how.space ? " " : "";
  if (how.zeros && !how.left && digits.size() + sign.size() < static_cast<std::size_t>(how.width)) {
    digits.insert(0, static_cast<std::size_t>(how.width) - digits.size() - sign.size(), '0');
  }
  return Text(sign + digits, value.trusted);
}

Result<Text> converted(Budget& budget, const Conversion& how, const Value& value) {
  switch (how.kind) {
    case 's':
    case 'r': {
      TRY(text, how.kind == 's' ? to_text(budget, value) : to_repr(budget, value));
      if (how.precision < 0) return std::move(text);
      return text.slice(0, offset_of_character(text.bytes(), static_cast<std::size_t>(how.precision)));
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'f':
    case 'F':
      if (how.alternate) return Error{ErrorCode::kUnsupported, "'#' in a format is not supported"};
      return number_text(how, value);
    case 'c':
      if (value.is_string() && count_characters(value.text().bytes()) == 1) return value.text();
      return invalid("'%c' needs one character");
    default:
      return Error{ErrorCode::kUnsupported, joined({"the conversion '%", {&how.kind, 1}, "' is not supported"})};
  }
}

}  // namespace

Result<Value> format_percent(Budget& budget, const Text& format, const Values& values) {
  const std::string_view text = format.bytes();
  Text out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t percent = std::min(text.find('%', at), text.size());
    TRY_VOID(budget.steps());
    out.append(format.slice(at, percent));
    if (percent == text.size()) break;
    at = percent + 1;
    if (at < text.size() && text[at] == '(')
      return Error{ErrorCode::kUnsupported, "formats with names are not supported"};
    TRY(how, read_conversion(text, at));
    if (how.kind == '%') {
      out.append("%", format.trusted());
      continue;
    }
    if (next >= values.size()) return invalid("the format has more places than there are values");
    TRY(piece, converted(budget, how, values[next++]));
    TRY(padded, pad(budget, piece, how.width, how.left ? Side::kLeft : Side::kRight, ' '));
    TRY_VOID(budget.string(out.size() + padded.size()));
    out.append(padded);
  }
  if (next < values.size() && !(values.size() == 1 && values[0].is_dict()))
    return invalid("not all values have a place in the format");
  TRY_VOID(budget.string(out.size()));
  return string(std::move(out));
}

}  // namespace troupe::model::jinja
