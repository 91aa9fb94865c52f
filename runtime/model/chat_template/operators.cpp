#include "runtime/model/chat_template/operators.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/strings.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

constexpr std::string_view kSymbols[] = {
    "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};

Error overflow() {
  return {ErrorCode::kUnsupported, "the result does not fit 64 bits; Troupe's templates count no further"};
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return quotient - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

Result<Value> integer_power(Budget& budget, std::int64_t base, std::int64_t exponent, bool trusted) {
  if (exponent < 0) {
    if (base == 0) return invalid("0 cannot be raised to a negative power");
    return floating(std::pow(static_cast<double>(base), static_cast<double>(exponent)), trusted);
  }
  std::int64_t out = 1;
  if (base == 0 || base == 1) return integer(exponent == 0 ? 1 : base, trusted);
  if (base == -1) return integer(exponent % 2 == 0 ? 1 : -1, trusted);
  if (exponent > 63) return overflow();
  TRY_VOID(budget.steps(static_cast<std::size_t>(exponent)));
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(out, base, &out)) return overflow();
  }
  return integer(out, trusted);
}

Result<Value> integer_arithmetic(Budget& budget, Operator op, std::int64_t a, std::int64_t b, bool trusted) {
  std::int64_t out = 0;
  switch (op) {
    case Operator::kAdd:
      if (__builtin_add_overflow(a, b, &out)) return overflow();
      return integer(out, trusted);
    case Operator::kSubtract:
      if (__builtin_sub_overflow(a, b, &out)) return overflow();
      return integer(out, trusted);
    case Operator::kMultiply:
      if (__builtin_mul_overflow(a, b, &out)) return overflow();
      return integer(out, trusted);
    case Operator::kPower:
      return integer_power(budget, a, b, trusted);
    default:
      break;
  }
  if (b == 0) return invalid("division by zero");
  if (op == Operator::kDivide) return floating(static_cast<double>(a) / static_cast<double>(b), trusted);
  if (b == -1) {  // the smallest integer has no positive twin
    if (op == Operator::kModulo) return integer(0, trusted);
    if (__builtin_sub_overflow(std::int64_t{0}, a, &out)) return overflow();
    return integer(out, trusted);
  }
  const std::int64_t quotient = floor_divide(a, b);
  return integer(op == Operator::kFloorDivide ? quotient : a - quotient * b, trusted);
}

Result<Value> float_arithmetic(Operator op, double a, double b, bool trusted) {
  switch (op) {
    case Operator::kAdd:
      return floating(a + b, trusted);
    case Operator::kSubtract:
      return floating(a - b, trusted);
    case Operator::kMultiply:
      return floating(a * b, trusted);
    case Operator::kPower:
      if (a == 0 && b < 0) return invalid("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::trunc(b)) return Error{ErrorCode::kUnsupported, "a power of a negative number is complex"};
      if (const double power = std::pow(a, b); std::isfinite(power) || !std::isfinite(a) || !std::isfinite(b))
        return floating(power, trusted);
      return invalid("the power is too large for a float");
    default:
      break;
  }
  if (b == 0) return invalid("division by zero");
  if (op == Operator::kDivide) return floating(a / b, trusted);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (rest == 0) rest = std::copysign(0.0, b);
  if (op == Operator::kModulo) return floating(rest, trusted);
  const double quotient = (a - rest) / b;
  if (quotient == 0) return floating(std::copysign(0.0, a / b), trusted);
  const double floored = std::floor(quotient);
  return floating(quotient - floored > 0.5 ? floored + 1 : floored, trusted);
}

Result<Value> add_strings(Budget& budget, const Value& a, const Value& b) {
  if (a.markup || b.markup) {
    // markupsafe escapes what a safe string is joined with.
    TRY(left, a.markup ? Result<Text>(a.text()) : escape_html(budget, a.text()));
    TRY(right, b.markup ? Result<Text>(b.text()) : escape_html(budget, b.text()));
    TRY_VOID(budget.string(left.size() + right.size()));
    left.append(right);
    Value value = string(std::move(left));
    value.markup = true;
    return value;
  }
  TRY_VOID(budget.string(a.text().size() + b.text().size()));
  Text out = a.text();
  out.append(b.text());
  return string(std::move(out));
}

Result<Value> add_lists(Budget& budget, const Value& a, const Value& b) {
  const Values &x = a.sequence().items, &y = b.sequence().items;
  TRY_VOID(budget.steps(x.size() + y.size()));
  Values items = x;
  items.insert(items.end(), y.begin(), y.end());
  return make_sequence(budget, a.sequence().flavor, std::move(items));
}

Result<Value> repeat(Budget& budget, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (value.is_string()) {
    const Text& text = value.text();
    if (text.empty() || count == 0) return literal("");
    if (count > budget.limits().output_bytes / text.size())
      return budget.string(budget.limits().output_bytes + 1).error();
    TRY_VOID(budget.string(text.size() * count));
    Text out;
    if (text.trusted()) {
      std::string bytes;
      bytes.reserve(text.size() * count);
      for (std::size_t i = 0; i < count; ++i) bytes += text.bytes();
      out = Text(std::move(bytes), true);
    } else {
      TRY_VOID(budget.steps(count));
      for (std::size_t i = 0; i < count; ++i) out.append(text);
    }
    Value repeated = string(std::move(out));
    repeated.markup = value.markup;
    return repeated;
  }
  const Values& items = value.sequence().items;
  if (items.empty()) return value;
  if (count > static_cast<std::size_t>(budget.limits().steps) / items.size())
    return budget.steps(static_cast<std::size_t>(budget.limits().steps) + 1).error();
  TRY_VOID(budget.steps(items.size() * count));
  Values out;
  out.reserve(items.size() * count);
  for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), items.begin(), items.end());
  return make_sequence(budget, value.sequence().flavor, std::move(out));
}

}  // namespace

Error undefined_error(const Value& value) { return invalid(*std::get<Undefined>(value.content).why); }

Error type_error(std::string_view what, const Value& a, const Value& b) {
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  return invalid(joined({"unsupported types for ", what, ": ", type_name(a), " and ", type_name(b)}));
}

Result<Value> arithmetic(Budget& budget, Operator op, const Value& a, const Value& b) {
  if (a.kind() == Kind::kBigInt || b.kind() == Kind::kBigInt) return overflow();
  const bool trusted = a.trusted && b.trusted;
  if (a.is_integer() && b.is_integer()) return integer_arithmetic(budget, op, a.integer(), b.integer(), trusted);
  if (a.is_number() && b.is_number()) return float_arithmetic(op, a.number(), b.number(), trusted);
  if (op == Operator::kAdd) {
    if (a.is_string() && b.is_string()) return add_strings(budget, a, b);
    if (a.is_list() && b.is_list() && a.sequence().flavor == b.sequence().flavor) return add_lists(budget, a, b);
  }
  if (op == Operator::kMultiply) {
    if ((a.is_string() || a.is_list()) && b.is_integer()) return repeat(budget, a, b.integer());
    if ((b.is_string() || b.is_list()) && a.is_integer()) return repeat(budget, b, a.integer());
  }
  if (op == Operator::kModulo && a.is_string() && !b.is_undefined()) {
    if (b.is_flavor(Flavor::kTuple)) return format_percent(budget, a.text(), b.sequence().items);
    return format_percent(budget, a.text(), {b});
  }
  return type_error(kSymbols[static_cast<std::size_t>(op)], a, b);
}

Result<Value> negate(const Value& value) {
  if (value.is_integer()) {
    std::int64_t out = 0;
    if (__builtin_sub_overflow(std::int64_t{0}, value.integer(), &out)) return overflow();
    return integer(out, value.trusted);
  }
  if (value.kind() == Kind::kFloat) return floating(-value.number(), value.trusted);
  if (value.is_undefined()) return undefined_error(value);
  return invalid(joined({"a ", type_name(value), " cannot be negated"}));
}

Result<Value> plus(const Value& value) {
  if (value.is_integer()) return integer(value.integer(), value.trusted);
  if (value.is_number()) return value;
  if (value.is_undefined()) return undefined_error(value);
  return invalid(joined({"a ", type_name(value), " has no sign"}));
}

Result<bool> compare(Budget& budget, Operator op, const Value& a, const Value& b) {
  switch (op) {
    case Operator::kEqual:
      return equal(budget, a, b);
    case Operator::kNotEqual: {
      TRY(same, equal(budget, a, b));
      return !same;
    }
    case Operator::kLess:
      return less(budget, a, b);
    case Operator::kGreater:
      return less(budget, b, a);
    case Operator::kLessEqual:
    case Operator::kGreaterEqual: {
      // Not the converse of less: a NaN is neither.
      TRY(before, op == Operator::kLessEqual ? less(budget, a, b) : less(budget, b, a));
      if (before) return true;
      return equal(budget, a, b);
    }
    case Operator::kIn:
      return contains(budget, b, a);
    case Operator::kNotIn: {
      TRY(inside, contains(budget, b, a));
      return !inside;
    }
    default:
      return invalid("no comparison");
  }
}

Result<bool> contains(Budget& budget, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString:
      if (!item.is_string()) {
        if (item.is_undefined()) return undefined_error(item);
        return invalid(joined({"'in' a str needs a str, not a ", type_name(item)}));
      }
      TRY_VOID(budget.read(container.text().size() + item.text().size()));
      return find_bytes(container.text().bytes(), item.text().bytes()) != std::string_view::npos;
    case Kind::kDict:
      if (!canonical_key(item)) return invalid(joined({"a ", type_name(item), " cannot be a dict's key"}));
      return container.dict().find(item) != nullptr;
    case Kind::kRange: {
      const Range& range = container.range();
      if (!item.is_number() || item.kind() == Kind::kBigInt) return false;
      const double number = item.number();
      if (number != std::trunc(number) || std::abs(number) >= 0x1p62) return false;
      const std::int64_t wanted = item.is_integer() ? item.integer() : static_cast<std::int64_t>(number);
      const std::int64_t offset = wanted - range.start;
      return offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.count;
    }
    default:
      break;
  }
  TRY(items, iterate(budget, container));
  for (const Value& one : items->items) {
    TRY(same, equal(budget, one, item));
    if (same) return true;
  }
  return false;
}

Result<Value> dict_view(Budget& budget, const Dict& dict, Flavor flavor) {
  Values items;
  items.reserve(dict.size());
  for (const auto& [key, value] : dict.entries()) {
    if (flavor == Flavor::kItems) {
      TRY(pair, make_sequence(budget, Flavor::kTuple, {key, value}));
      items.push_back(std::move(pair));
    } else {
      items.push_back(flavor == Flavor::kKeys ? key : value);
    }
  }
  return make_sequence(budget, flavor, std::move(items));
}

Result<std::shared_ptr<const Sequence>> iterate(Budget& budget, const Value& value) {
  Sequence out;
  switch (value.kind()) {
    case Kind::kUndefined:
      break;
    case Kind::kSequence: {
      const auto& sequence = std::get<std::shared_ptr<const Sequence>>(value.content);
      if (sequence->flavor != Flavor::kIterator) return sequence;
      if (sequence->failure) return *sequence->failure;
      const std::size_t from = std::exchange(sequence->next, sequence->items.size());
      if (from == 0) return sequence;
      TRY_VOID(budget.steps(sequence->items.size() - from));
      out.items.assign(sequence->items.begin() + static_cast<std::ptrdiff_t>(from), sequence->items.end());
      out.depth = sequence->depth;
      break;
    }
    case Kind::kDict:
      TRY_VOID(budget.steps(value.dict().size()));
      for (const auto& entry : value.dict().entries()) out.items.push_back(entry.key);
      break;
    case Kind::kString: {
      const Text& text = value.text();
      TRY_VOID(budget.steps(text.size() / 2));
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character_at(text.bytes(), at).length;
        out.items.push_back(string(text.slice(at, at + length)));
        at += length;
      }
      break;
    }
    case Kind::kRange: {
      const Range& range = value.range();
      TRY_VOID(budget.steps(static_cast<std::size_t>(range.count)));
      out.items.reserve(static_cast<std::size_t>(range.count));
      for (std::int64_t i = 0; i < range.count; ++i) out.items.push_back(range.at(i));
      break;
    }
    default:
      return invalid(joined({"a ", type_name(value), " cannot be walked; expected a list, dict or str"}));
  }
  return std::make_shared<const Sequence>(std::move(out));
}

Result<std::optional<Value>> first_of(Budget& budget, const Value& value) {
  if (value.is_flavor(Flavor::kIterator)) {
    const Sequence& sequence = value.sequence();
    if (sequence.next < sequence.items.size()) return std::optional<Value>(sequence.items[sequence.next++]);
    if (sequence.failure) return *sequence.failure;
    return std::optional<Value>();
  }
  if (value.is_string() && !value.text().empty()) {
    return std::optional<Value>(string(value.text().slice(0, character_at(value.text().bytes(), 0).length)));
  }
  if (value.kind() == Kind::kRange && value.range().count > 0) return std::optional<Value>(value.range().at(0));
  TRY(items, iterate(budget, value));
  return items->items.empty() ? std::optional<Value>() : std::optional<Value>(items->items.front());
}

Result<std::int64_t> length_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return std::int64_t{0};
    case Kind::kString:
      return static_cast<std::int64_t>(count_characters(value.text().bytes()));
    case Kind::kDict:
      return static_cast<std::int64_t>(value.dict().size());
    case Kind::kRange:
      return value.range().count;
    case Kind::kLoop:
      return static_cast<std::int64_t>(value.loop().items->items.size());
    case Kind::kSequence:
      if (!value.is_flavor(Flavor::kIterator)) return static_cast<std::int64_t>(value.sequence().items.size());
      [[fallthrough]];
    default:
      return invalid(joined({"a ", type_name(value), " has no length"}));
  }
}

}  // namespace troupe::model::jinja
