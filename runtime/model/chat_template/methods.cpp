// The methods of lists, dicts and loops; those of strings are in string_methods.cpp.
#include <algorithm>

#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/natives.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

constexpr std::string_view kChangingListMethods[] = {"append", "clear",  "extend",  "insert",
                                                     "pop",    "remove", "reverse", "sort"};
constexpr std::string_view kChangingDictMethods[] = {"clear", "pop", "popitem", "setdefault", "update"};

template <class List>
bool is_among(const List& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Result<Value> dict_get(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) return invalid("takes no arguments by name");
  TRY(bound, bind(arguments, {"key", "default"}, 1));
  if (bound.required(0).is_string()) TRY_VOID(evaluator.budget().read(bound.required(0).text().size()));
  if (!canonical_key(bound.required(0)))
    return invalid(joined({"a ", type_name(bound.required(0)), " cannot be a dict's key"}));
  const Value* found = self.dict().find(bound.required(0));
  if (found != nullptr) return *found;
  return bound[1] == nullptr ? none() : *bound[1];
}

template <Flavor flavor>
Result<Value> dict_view_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY_VOID(bind(arguments, {}, 0).ok() ? Result<void>() : Result<void>(invalid("takes no arguments")));
  return dict_view(evaluator.budget(), self.dict(), flavor);
}

Result<Value> copy(Evaluator&, const Value& self, const Arguments& arguments) {
  TRY_VOID(bind(arguments, {}, 0).ok() ? Result<void>() : Result<void>(invalid("takes no arguments")));
  return self;
}

Result<Value> list_count(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"value"}, 1));
  std::int64_t count = 0;
  for (const Value& item : self.sequence().items) {
    TRY(same, equal(evaluator.budget(), item, bound.required(0)));
    count += same ? 1 : 0;
  }
  return integer(count);
}

Result<Value> list_index(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"value"}, 1));
  const Values& items = self.sequence().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    TRY(same, equal(evaluator.budget(), items[i], bound.required(0)));
    if (same) return integer(static_cast<std::int64_t>(i));
  }
  return invalid("the value is not in the list");
}

Result<Value> loop_cycle(Evaluator&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) return invalid("needs something to choose from");
  return arguments.positional[static_cast<std::size_t>(self.loop().index0) % arguments.positional.size()];
}

Result<Value> loop_changed(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(now, make_sequence(evaluator.budget(), Flavor::kTuple, arguments.positional));
  const auto& loop = std::get<std::shared_ptr<Loop>>(self.content);
  if (loop->last_changed) {
    TRY(same, equal(evaluator.budget(), *loop->last_changed, now));
    if (same) return boolean(false);
  } else {
    evaluator.remember(loop);
  }
  loop->last_changed = now;
  return boolean(true);
}

}  // namespace

const NativeTable& dict_methods() {
  static const NativeTable kTable = {{"get", dict_get},
                                     {"items", dict_view_method<Flavor::kItems>},
                                     {"keys", dict_view_method<Flavor::kKeys>},
                                     {"values", dict_view_method<Flavor::kValues>},
                                     {"copy", copy}};
  return kTable;
}

const NativeTable& list_methods() {
  static const NativeTable kTable = {{"count", list_count}, {"index", list_index}, {"copy", copy}};
  return kTable;
}

const NativeTable& loop_methods() {
  static const NativeTable kTable = {{"cycle", loop_cycle}, {"changed", loop_changed}};
  return kTable;
}

bool is_changing_method(const Value& self, std::string_view name) {
  if (self.is_dict()) return is_among(kChangingDictMethods, name);
  return self.is_flavor(Flavor::kList) && is_among(kChangingListMethods, name);
}

bool is_method_name(std::string_view name) {
  return string_methods().contains(name) || dict_methods().contains(name) || list_methods().contains(name) ||
         loop_methods().contains(name) || is_among(kChangingListMethods, name) || is_among(kChangingDictMethods, name);
}

std::vector<std::string> names_of(const NativeTable& table) {
  std::vector<std::string> names;
  for (const auto& [name, function] : table) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Value> apply_filter(Evaluator& evaluator, std::string_view name, const Value& self, const Arguments& arguments) {
  const auto known = filters().find(name);
  if (known == filters().end())
    return Error{ErrorCode::kUnsupported, joined({"the filter '", name.substr(0, 64), "' is not supported"})};
  return known->second(evaluator, self, arguments);
}

Result<bool> apply_test(Evaluator& evaluator, std::string_view name, const Value& self, const Arguments& arguments) {
  const auto known = tests().find(name);
  if (known == tests().end())
    return Error{ErrorCode::kUnsupported, joined({"the test '", name.substr(0, 64), "' is not supported"})};
  TRY(result, known->second(evaluator, self, arguments));
  return is_true(result);
}

}  // namespace troupe::model::jinja
