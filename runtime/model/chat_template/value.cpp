#include "runtime/model/chat_template/value.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/model/chat_template/print.hpp"

namespace troupe::model::jinja {

namespace {
constexpr std::size_t kFewEntries = 8;  // below it a dict is searched without an index

std::string tagged(char tag, std::string_view text) {
  std::string out(1, tag);
  out += text;
  return out;
}
}  // namespace

bool Value::is_flavor(Flavor flavor) const { return kind() == Kind::kSequence && sequence().flavor == flavor; }
bool Value::is_list() const { return is_flavor(Flavor::kList) || is_flavor(Flavor::kTuple); }

std::int64_t Value::integer() const {
  return kind() == Kind::kBool ? std::int64_t{std::get<bool>(content)} : std::get<std::int64_t>(content);
}

double Value::number() const {
  if (kind() == Kind::kFloat) return std::get<double>(content);
  if (kind() == Kind::kBigInt) return static_cast<double>(std::get<std::uint64_t>(content));
  return static_cast<double>(integer());
}

Value none() { return {Value::Content(std::monostate())}; }
Value boolean(bool value, bool trusted) { return {Value::Content(value), trusted}; }
Value integer(std::int64_t value, bool trusted) { return {Value::Content(value), trusted}; }
Value floating(double value, bool trusted) { return {Value::Content(value), trusted}; }
Value string(Text text) { return {Value::Content(std::make_shared<const Text>(std::move(text)))}; }
Value literal(std::string_view text) { return string(Text(std::string(text), true)); }
Value undefined(std::string why) {
  return {Value::Content(Undefined{std::make_shared<const std::string>(std::move(why))})};
}
Value function(Function which) { return {Value::Content(which)}; }

const Value* Dict::find(std::string_view key) const {
  if (places_.empty()) {
    for (const Entry& entry : entries_) {
      if (entry.key.is_string() && entry.key.text().bytes() == key) return &entry.value;
    }
    return nullptr;
  }
  return find_canonical(tagged('s', key));
}

const Value* Dict::find(const Value& key) const {
  if (key.is_string()) return find(key.text().bytes());
  const auto canonical = canonical_key(key);
  return canonical ? find_canonical(*canonical) : nullptr;
}

const Value* Dict::find_canonical(const std::string& key) const {
  if (places_.empty()) {
    for (const Entry& entry : entries_) {
      if (canonical_key(entry.key) == key) return &entry.value;
    }
    return nullptr;
  }
  const auto place = places_.find(key);
  return place == places_.end() ? nullptr : &entries_[place->second].value;
}

Result<void> Dict::set(Budget& budget, Value key, Value value) {
  if (key.is_string()) TRY_VOID(budget.read(key.text().size()));
  auto canonical = canonical_key(key);
  if (!canonical) return Error{ErrorCode::kInvalidInput, "a " + type_name(key) + " cannot be a dict's key"};
  depth_ = std::max({depth_, 1 + depth_of(value), 1 + depth_of(key)});
  if (const Value* present = find_canonical(*canonical)) {
    const_cast<Value&>(*present) = std::move(value);  // this dict's own entry
    return {};
  }
  if (!places_.empty()) places_.emplace(*std::move(canonical), entries_.size());
  entries_.push_back({std::move(key), std::move(value)});
  if (places_.empty() && entries_.size() > kFewEntries) {
    for (std::size_t i = 0; i < entries_.size(); ++i) places_.emplace(*canonical_key(entries_[i].key), i);
  }
  return {};
}

int depth_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kSequence:
      return value.sequence().depth;
    case Kind::kDict:
      return value.dict().depth();
    case Kind::kLoop:
      return 1 + value.loop().items->depth;
    case Kind::kMethod:
      return 1 + depth_of(std::get<std::shared_ptr<const Method>>(value.content)->self);
    default:
      return 0;
  }
}

Result<Value> make_sequence(Budget& budget, Flavor flavor, Values items) {
  TRY_VOID(budget.steps(items.size()));
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  TRY_VOID(budget.nesting(depth + 1));
  return Value{Value::Content(std::make_shared<const Sequence>(Sequence{flavor, std::move(items), depth + 1}))};
}

Result<Value> make_dict(Budget& budget, Dict dict) {
  TRY_VOID(budget.steps(dict.size()));
  TRY_VOID(budget.nesting(dict.depth()));
  return Value{Value::Content(std::make_shared<const Dict>(std::move(dict)))};
}

std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kBigInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kMacro:
      return "Macro";
    case Kind::kMethod:
    case Kind::kFunction:
      return "function";
    case Kind::kSequence:
      break;
  }
  switch (value.sequence().flavor) {
    case Flavor::kList:
      return "list";
    case Flavor::kTuple:
      return "tuple";
    case Flavor::kKeys:
      return "dict_keys";
    case Flavor::kValues:
      return "dict_values";
    case Flavor::kItems:
      return "dict_items";
    case Flavor::kIterator:
      break;
  }
  return "generator";
}

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.number() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kSequence:
      return value.is_flavor(Flavor::kIterator) || !value.sequence().items.empty();
    case Kind::kDict:
      return value.dict().size() != 0;
    case Kind::kRange:
      return value.range().count != 0;
    default:
      return true;
  }
}

namespace {

/// -1, 0, 1, or nothing where one of them is no number. 80-bit floats hold every integer and double exactly.
std::optional<int> compare_numbers(const Value& a, const Value& b) {
  if (std::isnan(a.number()) || std::isnan(b.number())) return std::nullopt;
  const auto wide = [](const Value& v) -> long double {
    if (v.kind() == Kind::kBigInt) return static_cast<long double>(std::get<std::uint64_t>(v.content));
    return v.kind() == Kind::kFloat ? static_cast<long double>(v.number()) : static_cast<long double>(v.integer());
  };
  const long double x = wide(a), y = wide(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

Result<bool> equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const Dict::Entry& entry : a.entries()) {
    const Value* other = b.find(entry.key);
    if (other == nullptr) return false;
    TRY(same, equal(budget, entry.value, *other));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_sequences(Budget& budget, const Value& a, const Value& b) {
  const Values &x = a.sequence().items, &y = b.sequence().items;
  if (&a.sequence() == &b.sequence()) return true;
  if (a.is_flavor(Flavor::kIterator) || a.is_flavor(Flavor::kValues) || a.sequence().flavor != b.sequence().flavor ||
      x.size() != y.size())
    return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    TRY(same, equal(budget, x[i], y[i]));
    if (!same) return false;
  }
  return true;
}

}  // namespace

Result<bool> equal(Budget& budget, const Value& a, const Value& b) {
  TRY_VOID(budget.steps());
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      if (a.text().size() != b.text().size()) return false;
      TRY_VOID(budget.read(a.text().size()));
      return a.text().bytes() == b.text().bytes();
    case Kind::kSequence:
      return equal_sequences(budget, a, b);
    case Kind::kDict:
      return equal_dicts(budget, a.dict(), b.dict());
    case Kind::kRange: {
      const Range &x = a.range(), &y = b.range();
      return x.count == y.count && (x.count == 0 || (x.start == y.start && (x.count == 1 || x.step == y.step)));
    }
    case Kind::kNamespace:
      return &a.name_space() == &b.name_space();
    case Kind::kFunction:
      return std::get<Function>(a.content) == std::get<Function>(b.content);
    case Kind::kLoop:
      return &a.loop() == &b.loop();
    case Kind::kMacro:
      return std::get<std::shared_ptr<const Macro>>(a.content) == std::get<std::shared_ptr<const Macro>>(b.content);
    default:
      return std::get<std::shared_ptr<const Method>>(a.content) == std::get<std::shared_ptr<const Method>>(b.content);
  }
}

Result<bool> less(Budget& budget, const Value& a, const Value& b) {
  TRY_VOID(budget.steps());
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == -1;
  if (a.is_string() && b.is_string()) {
    TRY_VOID(budget.read(std::min(a.text().size(), b.text().size())));
    return a.text().bytes() < b.text().bytes();  // UTF-8 keeps the order of code points
  }
  if (a.is_list() && b.is_list() && a.sequence().flavor == b.sequence().flavor) {
    const Values &x = a.sequence().items, &y = b.sequence().items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      TRY(same, equal(budget, x[i], y[i]));
      if (!same) return less(budget, x[i], y[i]);
    }
    return x.size() < y.size();
  }
  if (a.is_undefined()) return Error{ErrorCode::kInvalidInput, *std::get<Undefined>(a.content).why};
  if (b.is_undefined()) return Error{ErrorCode::kInvalidInput, *std::get<Undefined>(b.content).why};
  return Error{ErrorCode::kInvalidInput, "a " + type_name(a) + " and a " + type_name(b) + " have no order"};
}

std::optional<std::string> canonical_key(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return tagged('s', value.text().bytes());
    case Kind::kBool:
    case Kind::kInt:
      return tagged('i', std::to_string(value.integer()));
    case Kind::kBigInt:
      return tagged('i', std::to_string(std::get<std::uint64_t>(value.content)));
    case Kind::kFloat: {
      const double number = value.number();
      if (std::abs(number) < 0x1p63 && number == std::trunc(number))
        return tagged('i', std::to_string(static_cast<std::int64_t>(number)));
      return tagged('f', float_repr(number));
    }
    case Kind::kNone:
      return "n";
    case Kind::kUndefined:
      return "u";
    case Kind::kFunction:
      return tagged('F', std::to_string(static_cast<int>(std::get<Function>(value.content))));
    default:
      return std::nullopt;
  }
}

}  // namespace troupe::model::jinja
