// The functions that every template sees.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/print.hpp"

namespace troupe::model::jinja {

namespace {

// As in jinja2's sandbox.
constexpr std::int64_t kLongestRange = 100'000;
// Keeps every sum of two of a range's numbers within 64 bits.
constexpr std::int64_t kFarthest = std::int64_t{1} << 60;

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

Result<Value> make_range(const Arguments& arguments) {
  const Values& given = arguments.positional;
  if (!arguments.named.empty() || given.empty() || given.size() > 3) return invalid("range takes one to three numbers");
  std::int64_t numbers[3] = {0, 0, 1};
  Range range;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].is_undefined()) return undefined_error(given[i]);
    if (!given[i].is_integer()) return invalid(joined({"range takes whole numbers, not a ", type_name(given[i])}));
    numbers[given.size() == 1 ? 1 : i] = given[i].integer();
    range.trusted = range.trusted && given[i].trusted;
  }
  for (const std::int64_t number : numbers) {
    if (number > kFarthest || number < -kFarthest)
      return Error{ErrorCode::kTooLarge, "a range's numbers may not pass 2^60"};
  }
  range.start = numbers[0], range.stop = numbers[1], range.step = numbers[2];
  if (range.step == 0) return invalid("a range's step cannot be zero");
  const std::int64_t distance = range.step > 0 ? range.stop - range.start : range.start - range.stop;
  const std::int64_t stride = range.step > 0 ? range.step : -range.step;
  range.count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  if (range.count > kLongestRange) {
    return Error{ErrorCode::kTooLarge, joined({"a range of ", std::to_string(range.count),
                                               " numbers is too long; the limit is ", std::to_string(kLongestRange)})};
  }
  return Value{Value::Content(std::make_shared<const Range>(range))};
}

/// dict(mapping or pairs, name=value...)
Result<Dict> make_mapping(Evaluator& evaluator, const Arguments& arguments) {
  if (arguments.positional.size() > 1) return invalid("takes at most one argument without a name");
  Dict dict;
  Budget& budget = evaluator.budget();
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is_undefined()) return undefined_error(from);
    if (from.is_dict()) {
      TRY_VOID(budget.steps(from.dict().size()));
      dict = from.dict();
    } else {
      TRY(pairs, iterate(budget, from));
      for (const Value& pair : pairs->items) {
        TRY(parts, iterate(budget, pair));
        if (parts->items.size() != 2) return invalid("expected pairs of a key and a value");
        TRY_VOID(budget.steps());
        TRY_VOID(dict.set(budget, parts->items[0], parts->items[1]));
      }
    }
  }
  for (const auto& [name, value] : arguments.named) TRY_VOID(dict.set(budget, literal(name), value));
  return dict;
}

Result<Value> make_namespace(Evaluator& evaluator, const Arguments& arguments) {
  TRY(attributes, make_mapping(evaluator, arguments));
  for (const auto& entry : attributes.entries()) {
    if (entry.key.is_string() && entry.key.text().bytes().starts_with('_'))
      return invalid("a namespace's attributes may not start with '_'");
  }
  return evaluator.make_namespace({std::move(attributes)});
}

Result<Value> make_joiner(Evaluator& evaluator, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"sep"}, 0));
  Namespace state;
  state.is_joiner = true;
  TRY_VOID(state.attributes.set(evaluator.budget(), literal("sep"), bound[0] == nullptr ? literal(", ") : *bound[0]));
  TRY_VOID(state.attributes.set(evaluator.budget(), literal("used"), boolean(false)));
  return evaluator.make_namespace(std::move(state));
}

Result<Value> raise(Evaluator& evaluator, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"message"}, 1));
  TRY(message, to_text(evaluator.budget(), bound.required(0)));
  return invalid(std::string(message.bytes()));
}

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                 "July",    "August",   "September", "October", "November", "December"};

std::string padded(int number, int width, char fill = '0') {
  std::string digits = std::to_string(number);
  if (digits.size() < static_cast<std::size_t>(width))
    digits.insert(0, static_cast<std::size_t>(width) - digits.size(), fill);
  return digits;
}

/// One directive of strftime in the C locale, or nothing.
std::optional<std::string> date_part(char directive, bool without_padding, const std::tm& t) {
  const auto number = [&](int value, int width, char fill = '0') {
    return padded(value, without_padding ? 1 : width, fill);
  };
  const int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  const std::string day = kDays[static_cast<std::size_t>(t.tm_wday)],
                    month = kMonths[static_cast<std::size_t>(t.tm_mon)];
  switch (directive) {
    case 'Y':
      return std::to_string(t.tm_year + 1900);
    case 'y':
      return number((t.tm_year + 1900) % 100, 2);
    case 'm':
      return number(t.tm_mon + 1, 2);
    case 'd':
      return number(t.tm_mday, 2);
    case 'e':
      return number(t.tm_mday, 2, ' ');
    case 'H':
      return number(t.tm_hour, 2);
    case 'I':
      return number(hour12, 2);
    case 'M':
      return number(t.tm_min, 2);
    case 'S':
      return number(t.tm_sec, 2);
    case 'j':
      return number(t.tm_yday + 1, 3);
    case 'f':
      return std::string("000000");
    case 'p':
      return std::string(t.tm_hour < 12 ? "AM" : "PM");
    case 'A':
      return day;
    case 'a':
      return day.substr(0, 3);
    case 'B':
      return month;
    case 'b':
    case 'h':
      return month.substr(0, 3);
    case 'w':
      return std::to_string(t.tm_wday);
    case 'u':
      return std::to_string(t.tm_wday == 0 ? 7 : t.tm_wday);
    case 'F':
      return joined({std::to_string(t.tm_year + 1900), "-", padded(t.tm_mon + 1, 2), "-", padded(t.tm_mday, 2)});
    case 'D':
    case 'x':
      return joined({padded(t.tm_mon + 1, 2), "/", padded(t.tm_mday, 2), "/", padded((t.tm_year + 1900) % 100, 2)});
    case 'T':
    case 'X':
      return joined({padded(t.tm_hour, 2), ":", padded(t.tm_min, 2), ":", padded(t.tm_sec, 2)});
    case 'R':
      return joined({padded(t.tm_hour, 2), ":", padded(t.tm_min, 2)});
    case 'c':
      return joined({day.substr(0, 3), " ", month.substr(0, 3), " ", padded(t.tm_mday, 2, ' '), " ",
                     padded(t.tm_hour, 2), ":", padded(t.tm_min, 2), ":", padded(t.tm_sec, 2), " ",
                     std::to_string(t.tm_year + 1900)});
    case 'n':
      return std::string("\n");
    case 't':
      return std::string("\t");
    case 'Z':
    case 'z':
      return std::string();  // Python's datetime.now() has no zone
    case '%':
      return std::string("%");
    default:
      return std::nullopt;
  }
}

Result<Value> format_time(Evaluator& evaluator, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"format"}, 1));
  TRY(format, bound.text(0));
  const std::int64_t now =
      std::clamp<std::int64_t>(evaluator.now_unix_s(), 0, 253402300799);  // to the end of the year 9999
  const std::time_t seconds = static_cast<std::time_t>(now);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string out;
  const std::string_view text = format->bytes();
  TRY_VOID(evaluator.budget().steps(text.size()));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const bool without_padding = text[i + 1] == '-' && i + 2 < text.size();
    i += without_padding ? 2 : 1;
    const auto part = date_part(text[i], without_padding, parts);
    if (!part) return Error{ErrorCode::kUnsupported, joined({"strftime_now does not know '%", text.substr(i, 1), "'"})};
    out += *part;
  }
  TRY_VOID(evaluator.budget().string(out.size()));
  return string(Text(std::move(out), format->trusted()));
}

}  // namespace

const Function* find_global(std::string_view name) {
  static const std::unordered_map<std::string_view, Function> kGlobals = {
      {"range", Function::kRange},
      {"dict", Function::kDict},
      {"namespace", Function::kNamespace},
      {"raise_exception", Function::kRaiseException},
      {"strftime_now", Function::kStrftimeNow},
      {"joiner", Function::kJoiner}};
  const auto found = kGlobals.find(name);
  return found == kGlobals.end() ? nullptr : &found->second;
}

Result<Value> call_global(Evaluator& evaluator, Function which, const Arguments& arguments) {
  switch (which) {
    case Function::kRange:
      return make_range(arguments);
    case Function::kDict: {
      TRY(dict, make_mapping(evaluator, arguments));
      return make_dict(evaluator.budget(), std::move(dict));
    }
    case Function::kNamespace:
      return make_namespace(evaluator, arguments);
    case Function::kRaiseException:
      return raise(evaluator, arguments);
    case Function::kStrftimeNow:
      return format_time(evaluator, arguments);
    case Function::kJoiner:
      break;
  }
  return make_joiner(evaluator, arguments);
}

Result<Value> call_namespace(Evaluator& evaluator, Namespace& callee, const Arguments& arguments) {
  if (!callee.is_joiner) return invalid("a Namespace cannot be called");
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  const Value* used = callee.attributes.find("used");
  const Value* separator = callee.attributes.find("sep");
  if (used != nullptr && is_true(*used) && separator != nullptr) return *separator;
  TRY_VOID(callee.attributes.set(evaluator.budget(), literal("used"), boolean(true)));
  return literal("");
}

}  // namespace troupe::model::jinja
