// Filters over sequences and dicts.
//
// map, select, reject and unique are generators in jinja2: an error behind an element shows only to who reads that far.
// Here they work at once, and the sequence remembers the error.
#include <algorithm>
#include <unordered_set>

#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/filters.hpp"
#include "runtime/model/chat_template/letter_case.hpp"
#include "runtime/model/chat_template/print.hpp"
#include "runtime/model/chat_template/strings.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

/// A generator of `items`, behind which may stand an error.
Result<Value> make_iterator(Budget& budget, Values items, std::optional<Error> failure = std::nullopt) {
  TRY(made, make_sequence(budget, Flavor::kIterator, std::move(items)));
  if (!failure) return std::move(made);
  Sequence failing = made.sequence();
  failing.failure = std::move(failure);
  return Value{Value::Content(std::make_shared<const Sequence>(std::move(failing)))};
}

/// "a.b.0" as the steps of a look-up; or an integer index.
Result<Values> attribute_path(Budget& budget, const Value& attribute) {
  if (attribute.is_integer()) return Values{attribute};
  if (!attribute.is_string())
    return invalid(joined({"an attribute's name is a ", type_name(attribute), "; expected a str or an int"}));
  TRY(parts, split(budget, attribute.text(), &literal(".").text(), -1, false));
  Values path;
  for (const Value& part : parts.sequence().items) {
    const std::string_view bytes = part.text().bytes();
    const bool digits = !bytes.empty() && bytes.find_first_not_of("0123456789") == std::string_view::npos;
    const auto index = digits ? parse_integer(bytes, 10) : std::nullopt;
    path.push_back(index ? integer(*index) : part);
  }
  return path;
}

/// Follows the path; `fallback`, if there is one, stands in for what is undefined at any step, as in jinja2.
Result<Value> look_up(Budget& budget, const Value& item, const Values& path, const Value* fallback = nullptr) {
  Value value = item;
  for (const Value& step : path) {
    TRY_VOID(budget.steps());
    TRY(next, get_item(budget, value, step));
    value = fallback != nullptr && next.is_undefined() ? *fallback : std::move(next);
  }
  return value;
}

/// Strings compare without regard to case, unless asked for.
Result<Value> without_case(Budget& budget, const Value& value) {
  if (!value.is_string()) return value;
  TRY_VOID(budget.string(value.text().size() * 2));
  return string(with_case(value.text(), LetterCase::kLower));
}

/// What the items are compared by.
Result<Values> keys_of(Budget& budget, const Values& items, const Value* attribute, bool case_sensitive) {
  Values path, keys;
  if (attribute != nullptr && !attribute->is_none()) {
    TRY(parts, attribute_path(budget, *attribute));
    path = std::move(parts);
  }
  for (const Value& item : items) {
    TRY(key, look_up(budget, item, path));
    if (case_sensitive) {
      keys.push_back(std::move(key));
    } else {
      TRY(folded, without_case(budget, key));
      keys.push_back(std::move(folded));
    }
  }
  return keys;
}

/// Positions in the order of `keys`, stable.
Result<std::vector<std::size_t>> sorted_places(Budget& budget, const Values& keys, bool reverse) {
  std::vector<std::size_t> places(keys.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::optional<Error> failure;
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    if (failure) return false;
    auto before = reverse ? less(budget, keys[b], keys[a]) : less(budget, keys[a], keys[b]);
    if (before.ok()) return *before;
    failure = before.error();
    return false;
  });
  if (failure) return *failure;
  return places;
}

Result<Value> sort(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"reverse", "case_sensitive", "attribute"}, 0));
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  // A key is a list, as in jinja2, even of one attribute: elements that are equal have an order even where the type has
  // none.
  Values names = {none()};
  if (bound.has(2)) names = {bound.required(2)};
  if (bound.has(2) && bound.required(2).is_string()) {
    TRY(parts, split(budget, bound.required(2).text(), &literal(",").text(), -1, false));
    names = parts.sequence().items;
  }
  std::vector<Values> rows(items->items.size());
  for (const Value& name : names) {
    TRY(column, keys_of(budget, items->items, &name, bound.flag(1, false)));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(std::move(column[i]));
  }
  Values keys;
  for (Values& row : rows) {
    TRY(key, make_sequence(budget, Flavor::kList, std::move(row)));
    keys.push_back(std::move(key));
  }
  TRY(places, sorted_places(budget, keys, bound.flag(0, false)));
  Values out;
  for (const std::size_t place : places) out.push_back(items->items[place]);
  return make_sequence(budget, Flavor::kList, std::move(out));
}

Result<Value> dictsort(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"case_sensitive", "by", "reverse"}, 0));
  Budget& budget = evaluator.budget();
  std::string_view by = "key";
  if (bound[1] != nullptr) {
    TRY(given, bound.text(1));
    by = given->bytes();
  }
  if (by != "key" && by != "value") return invalid("a dict can be sorted by 'key' or 'value' only");
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_dict()) return invalid(joined({"needs a dict, not a ", type_name(self)}));
  TRY(pairs, dict_view(budget, self.dict(), Flavor::kItems));
  const Values& items = pairs.sequence().items;
  const Value column = integer(by == "key" ? 0 : 1);
  TRY(keys, keys_of(budget, items, &column, bound.flag(0, false)));
  TRY(places, sorted_places(budget, keys, bound.flag(2, false)));
  Values out;
  for (const std::size_t place : places) out.push_back(items[place]);
  return make_sequence(budget, Flavor::kList, std::move(out));
}

template <bool greatest>
Result<Value> extreme(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"case_sensitive", "attribute"}, 0));
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  if (items->items.empty()) return undefined("the sequence has no element");
  TRY(keys, keys_of(budget, items->items, bound[1], bound.flag(0, false)));
  std::size_t best = 0;
  for (std::size_t i = 1; i < keys.size(); ++i) {
    TRY(better, greatest ? less(budget, keys[best], keys[i]) : less(budget, keys[i], keys[best]));
    if (better) best = i;
  }
  return items->items[best];
}

Result<Value> unique(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"case_sensitive", "attribute"}, 0));
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  TRY(keys, keys_of(budget, items->items, bound[1], bound.flag(0, false)));
  std::unordered_set<std::string> seen;
  Values out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].is_string()) TRY_VOID(budget.read(keys[i].text().size()));
    auto key = canonical_key(keys[i]);
    if (!key)
      return make_iterator(budget, std::move(out),
                           invalid(joined({"a ", type_name(keys[i]), " cannot be compared for uniqueness"})));
    if (seen.insert(*std::move(key)).second) out.push_back(items->items[i]);
  }
  return make_iterator(budget, std::move(out));
}

Result<Value> first(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(item, first_of(evaluator.budget(), self));
  return item ? *item : undefined("the sequence has no first element");
}

Result<Value> last(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.is_flavor(Flavor::kIterator)) return invalid("a generator has no last element; make it a list first");
  if (self.is_undefined()) return undefined("the sequence has no last element");
  if (self.is_string() || self.is_list() || self.kind() == Kind::kRange) {
    TRY(item, get_item(evaluator.budget(), self, integer(-1)));
    return item.is_undefined() ? undefined("the sequence has no last element") : item;
  }
  TRY(items, iterate(evaluator.budget(), self));
  return items->items.empty() ? undefined("the sequence has no last element") : items->items.back();
}

Result<Value> list(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(items, iterate(evaluator.budget(), self));
  TRY_VOID(evaluator.budget().steps(items->items.size()));
  return make_sequence(evaluator.budget(), Flavor::kList, items->items);
}

Result<Value> items_filter(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  if (self.is_undefined()) return make_iterator(evaluator.budget(), {});
  if (!self.is_dict()) return invalid(joined({"needs a dict, not a ", type_name(self)}));
  TRY(view, dict_view(evaluator.budget(), self.dict(), Flavor::kItems));
  return make_iterator(evaluator.budget(), view.sequence().items);
}

Result<Value> reverse(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(items, iterate(evaluator.budget(), self));
  TRY_VOID(evaluator.budget().steps(items->items.size()));
  Values out(items->items.rbegin(), items->items.rend());
  if (!self.is_string()) return make_iterator(evaluator.budget(), std::move(out));
  Text text;
  for (const Value& character : out) text.append(character.text());
  return string(std::move(text));
}

Result<Value> join_filter(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"d", "attribute"}, 0));
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  Text separator;
  if (bound[0] != nullptr) {
    TRY(text, to_text(budget, bound.required(0)));
    separator = std::move(text);
  }
  if (!bound.has(1)) return join(budget, separator, items->items);
  TRY(path, attribute_path(budget, bound.required(1)));
  Values values;
  for (const Value& item : items->items) {
    TRY(value, look_up(budget, item, path));
    values.push_back(std::move(value));
  }
  return join(budget, separator, values);
}

Result<Value> sum(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"attribute", "start"}, 0));
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  Value total = bound[1] == nullptr ? integer(0) : *bound[1];
  if (total.is_string()) return invalid("strings cannot be summed; use join");
  Values path;
  if (bound.has(0)) {
    TRY(parts, attribute_path(budget, bound.required(0)));
    path = std::move(parts);
  }
  for (const Value& item : items->items) {
    TRY(value, look_up(budget, item, path));
    TRY(next, arithmetic(budget, Operator::kAdd, total, value));
    total = std::move(next);
  }
  return total;
}

Result<Value> batch(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"linecount", "fill_with"}, 1));
  Budget& budget = evaluator.budget();
  TRY(size, bound.integer(0, 1));
  if (size < 1) return invalid("the size of a batch must be at least 1");
  TRY(items, iterate(budget, self));
  Values out, row;
  for (const Value& item : items->items) {
    row.push_back(item);
    if (static_cast<std::int64_t>(row.size()) < size) continue;
    TRY(full, make_sequence(budget, Flavor::kList, std::exchange(row, {})));
    out.push_back(std::move(full));
  }
  if (!row.empty()) {
    while (bound.has(1) && static_cast<std::int64_t>(row.size()) < size) {
      TRY_VOID(budget.steps());
      row.push_back(bound.required(1));
    }
    TRY(rest, make_sequence(budget, Flavor::kList, std::move(row)));
    out.push_back(std::move(rest));
  }
  return make_iterator(budget, std::move(out));
}

/// The arguments from the given one on.
Arguments rest_of(const Arguments& arguments, std::size_t from) {
  Arguments rest;
  rest.positional.assign(
      arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(from, arguments.positional.size())),
      arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

Result<Value> map(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  Values path, out;
  std::string filter;
  std::optional<Value> fallback;
  Arguments rest;
  if (arguments.positional.empty()) {
    TRY(bound, bind(arguments, {"attribute", "default"}, 1));
    TRY(parts, attribute_path(budget, bound.required(0)));
    path = std::move(parts);
    if (bound.has(1)) fallback = *bound[1];
  } else {
    TRY(name, Bound({&arguments.positional[0]}).text(0));
    filter = std::string(name->bytes());
    rest = rest_of(arguments, 1);
  }
  for (const Value& item : items->items) {
    TRY_VOID(budget.steps());
    auto value = filter.empty() ? look_up(budget, item, path, fallback ? &*fallback : nullptr)
                                : apply_filter(evaluator, filter, item, rest);
    if (!value.ok() && budget.exhausted()) return value;
    if (!value.ok()) return make_iterator(budget, std::move(out), value.error());
    out.push_back(*std::move(value));
  }
  return make_iterator(budget, std::move(out));
}

template <bool wanted, bool by_attribute>
Result<Value> select(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  Budget& budget = evaluator.budget();
  TRY(items, iterate(budget, self));
  Values path, out;
  std::size_t used = 0;
  if (by_attribute) {
    if (arguments.positional.empty()) return invalid("needs the name of an attribute");
    TRY(parts, attribute_path(budget, arguments.positional[used++]));
    path = std::move(parts);
  }
  std::string test;
  if (arguments.positional.size() > used) {
    TRY(name, Bound({&arguments.positional[used]}).text(0));
    test = std::string(name->bytes());
  }
  const Arguments rest = rest_of(arguments, used + 1);
  const auto holds = [&](const Value& item) -> Result<bool> {
    TRY(value, look_up(budget, item, path));
    if (test.empty()) return is_true(value);
    return apply_test(evaluator, test, value, rest);
  };
  for (const Value& item : items->items) {
    TRY_VOID(budget.steps());
    auto kept = holds(item);
    if (!kept.ok() && budget.exhausted()) return kept.error();
    if (!kept.ok()) return make_iterator(budget, std::move(out), kept.error());
    if (*kept == wanted) out.push_back(item);
  }
  return make_iterator(budget, std::move(out));
}

}  // namespace

const NativeTable& sequence_filters() {
  static const NativeTable kTable = {{"sort", sort},
                                     {"dictsort", dictsort},
                                     {"min", extreme<false>},
                                     {"max", extreme<true>},
                                     {"unique", unique},
                                     {"first", first},
                                     {"last", last},
                                     {"list", list},
                                     {"items", items_filter},
                                     {"reverse", reverse},
                                     {"join", join_filter},
                                     {"sum", sum},
                                     {"batch", batch},
                                     {"map", map},
                                     {"select", select<true, false>},
                                     {"reject", select<false, false>},
                                     {"selectattr", select<true, true>},
                                     {"rejectattr", select<false, true>}};
  return kTable;
}

}  // namespace troupe::model::jinja
