// Attributes, items and slices.
#include <algorithm>

#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/operators.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

// What jinja2 calls an object in "'...' has no attribute".
std::string object_name(const Value& value) { return value.is_none() ? "None" : type_name(value) + " object"; }

Value no_attribute(const Value& value, std::string_view name) {
  return undefined(joined({"'", object_name(value), "' has no attribute '", name.substr(0, 64), "'"}));
}

Value method(const Value& self, std::string_view name, NativeFunction* function) {
  return Value{Value::Content(std::make_shared<const Method>(Method{self, std::string(name), function}))};
}

Result<std::optional<Value>> loop_attribute(Budget& budget, const Loop& loop, std::string_view name) {
  const auto at = [&](std::int64_t index, std::string_view why) {
    const auto count = static_cast<std::int64_t>(loop.items->items.size());
    return index >= 0 && index < count ? loop.items->items[static_cast<std::size_t>(index)]
                                       : undefined(std::string(why));
  };
  const auto count = static_cast<std::int64_t>(loop.items->items.size());
  TRY_VOID(budget.steps());
  if (name == "index") return std::optional(integer(loop.index0 + 1));
  if (name == "index0") return std::optional(integer(loop.index0));
  if (name == "revindex") return std::optional(integer(count - loop.index0));
  if (name == "revindex0") return std::optional(integer(count - loop.index0 - 1));
  if (name == "first") return std::optional(boolean(loop.index0 == 0));
  if (name == "last") return std::optional(boolean(loop.index0 + 1 == count));
  if (name == "length") return std::optional(integer(count));
  if (name == "depth") return std::optional(integer(1));
  if (name == "depth0") return std::optional(integer(0));
  if (name == "previtem") return std::optional(at(loop.index0 - 1, "there is no previous item"));
  if (name == "nextitem") return std::optional(at(loop.index0 + 1, "there is no next item"));
  return std::optional<Value>();
}

// What Python's getattr finds, within the sandbox.
Result<std::optional<Value>> native_attribute(Budget& budget, const Value& value, std::string_view name) {
  const NativeTable* table = nullptr;
  switch (value.kind()) {
    case Kind::kString:
      table = &string_methods();
      break;
    case Kind::kDict:
      table = &dict_methods();
      break;
    case Kind::kSequence:
      if (value.is_list()) table = &list_methods();
      break;
    case Kind::kLoop: {
      TRY(found, loop_attribute(budget, value.loop(), name));
      if (found) return std::move(found);
      table = &loop_methods();
      break;
    }
    case Kind::kNamespace:
      if (const Value* attribute = value.name_space().attributes.find(name)) return std::optional(*attribute);
      return std::optional<Value>();
    default:
      return std::optional<Value>();
  }
  if (table == nullptr) return std::optional<Value>();
  if (const auto found = table->find(name); found != table->end())
    return std::optional(method(value, name, found->second));
  if (is_changing_method(value, name)) {
    return std::optional(undefined(
        joined({"the method '", name, "' of a ", type_name(value), " is not allowed: templates cannot change data"})));
  }
  return std::optional<Value>();
}

// Where an index lies in something of `count` elements, or nothing.
std::optional<std::size_t> place_of(std::int64_t index, std::int64_t count) {
  if (index < 0) index += count;
  return index >= 0 && index < count ? std::optional(static_cast<std::size_t>(index)) : std::nullopt;
}

Result<std::optional<Value>> find_item(Budget& budget, const Value& value, const Value& key) {
  switch (value.kind()) {
    case Kind::kDict: {
      if (key.is_string()) TRY_VOID(budget.read(key.text().size()));
      const Value* found = value.dict().find(key);
      return found == nullptr ? std::optional<Value>() : std::optional(*found);
    }
    case Kind::kSequence:
      if (!value.is_list() || !key.is_integer()) break;
      if (const auto place = place_of(key.integer(), static_cast<std::int64_t>(value.sequence().items.size()))) {
        return std::optional(value.sequence().items[*place]);
      }
      break;
    case Kind::kRange:
      if (!key.is_integer()) break;
      if (const auto place = place_of(key.integer(), value.range().count)) {
        return std::optional(value.range().at(static_cast<std::int64_t>(*place)));
      }
      break;
    case Kind::kString: {
      if (!key.is_integer()) break;
      const Text& text = value.text();
      TRY_VOID(budget.read(text.size()));
      const auto place = place_of(key.integer(), static_cast<std::int64_t>(count_characters(text.bytes())));
      if (!place) break;
      const std::size_t from = offset_of_character(text.bytes(), *place);
      return std::optional(string(text.slice(from, from + character_at(text.bytes(), from).length)));
    }
    default:
      break;
  }
  return std::optional<Value>();
}

}  // namespace

Result<Value> get_attribute(Budget& budget, const Value& value, std::string_view name) {
  if (value.is_undefined()) return undefined_error(value);
  TRY(native, native_attribute(budget, value, name));
  if (native) return *std::move(native);
  if (value.is_dict()) {
    if (const Value* found = value.dict().find(name)) return *found;
  }
  return no_attribute(value, name);
}

Result<Value> get_item(Budget& budget, const Value& value, const Value& key) {
  if (value.is_undefined()) return undefined_error(value);
  TRY(found, find_item(budget, value, key));
  if (found) return *std::move(found);
  if (!key.is_string()) return undefined(joined({"'", object_name(value), "' has no such element"}));
  TRY(native, native_attribute(budget, value, key.text().bytes()));
  if (native) return *std::move(native);
  return no_attribute(value, key.text().bytes());
}

Result<Value> get_slice(Budget& budget, const Value& value, const Value* start, const Value* stop, const Value* step) {
  if (value.is_undefined()) return undefined_error(value);
  std::int64_t bounds[3] = {0, 0, 1};
  const Value* given[3] = {start, stop, step};
  for (int i = 0; i < 3; ++i) {
    if (given[i] != nullptr && given[i]->is_none()) given[i] = nullptr;
    if (given[i] == nullptr) continue;
    // jinja2 takes the TypeError for a missing item.
    if (!given[i]->is_integer()) return undefined(joined({"'", object_name(value), "' has no such element"}));
    bounds[i] = given[i]->integer();
  }
  if (!value.is_string() && !value.is_list() && value.kind() != Kind::kRange) {
    return undefined(joined({"'", object_name(value), "' has no such element"}));
  }
  if (bounds[2] == 0) return invalid("a slice's step cannot be zero");
  TRY(count, length_of(value));
  if (value.is_string()) TRY_VOID(budget.read(value.text().size()));
  const bool backwards = bounds[2] < 0;
  const std::int64_t lowest = backwards ? -1 : 0, highest = backwards ? count - 1 : count;
  for (int i = 0; i < 2; ++i) {
    if (given[i] == nullptr) {
      bounds[i] = (i == 0) == backwards ? highest : lowest;
    } else {
      bounds[i] = std::clamp(bounds[i] < 0 ? bounds[i] + count : bounds[i], lowest, highest);
    }
  }
  const std::int64_t distance = backwards ? bounds[0] - bounds[1] : bounds[1] - bounds[0];
  // The step may be as large as an integer gets: count in unsigned arithmetic.
  const std::uint64_t stride =
      backwards ? std::uint64_t{0} - static_cast<std::uint64_t>(bounds[2]) : static_cast<std::uint64_t>(bounds[2]);
  const std::int64_t taken =
      distance <= 0 ? 0 : static_cast<std::int64_t>((static_cast<std::uint64_t>(distance) - 1) / stride) + 1;
  if (value.kind() == Kind::kRange) {
    Range range = value.range();
    const std::int64_t first = taken > 0 ? range.start + bounds[0] * range.step : range.start;
    Range out{first, first, taken > 1 ? range.step * bounds[2] : 1, taken, range.trusted};
    out.stop = out.start + out.step * taken;
    return Value{Value::Content(std::make_shared<const Range>(out))};
  }
  if (value.is_string() && bounds[2] == 1) {
    const Text& text = value.text();
    const std::size_t from = offset_of_character(text.bytes(), static_cast<std::size_t>(bounds[0]));
    const std::size_t length = offset_of_character(text.bytes().substr(from), static_cast<std::size_t>(taken));
    TRY_VOID(budget.string(length));
    Value out = string(text.slice(from, from + length));
    out.markup = value.markup;
    return out;
  }
  TRY_VOID(budget.steps(static_cast<std::size_t>(taken)));
  TRY(all, iterate(budget, value));
  Values items;
  items.reserve(static_cast<std::size_t>(taken));
  for (std::int64_t i = 0; i < taken; ++i)
    items.push_back(all->items[static_cast<std::size_t>(bounds[0] + i * bounds[2])]);
  if (!value.is_string()) return make_sequence(budget, value.sequence().flavor, std::move(items));
  Text text;
  for (const Value& character : items) text.append(character.text());
  return string(std::move(text));
}

}  // namespace troupe::model::jinja
