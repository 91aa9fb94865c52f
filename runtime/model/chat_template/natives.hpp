// The filters, tests, methods and global functions that templates may use, by name.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/model/chat_template/arguments.hpp"

namespace troupe::model::jinja {

using NativeTable = std::unordered_map<std::string_view, NativeFunction*>;

/// `value|name(...)`.
const NativeTable& filters();
/// `value is name(...)`; each returns a bool.
const NativeTable& tests();
const NativeTable& string_methods();
const NativeTable& dict_methods();
const NativeTable& list_methods();
const NativeTable& loop_methods();

/// Methods that change a list or dict: the sandbox hides them.
bool is_changing_method(const Value& self, std::string_view name);
/// Whether some value has a method of that name, if only a forbidden one.
bool is_method_name(std::string_view name);

/// Nothing where the name is no global function.
const Function* find_global(std::string_view name);
/// Calls range, dict, namespace, raise_exception or strftime_now; or makes a joiner.
Result<Value> call_global(Evaluator& evaluator, Function which, const Arguments& arguments);
/// A joiner called: nothing the first time, then its separator. kInvalidInput for any other namespace.
Result<Value> call_namespace(Evaluator& evaluator, Namespace& callee, const Arguments& arguments);

/// A table's names, sorted, for messages.
std::vector<std::string> names_of(const NativeTable& table);

/// Looked up at run time, for map and select.
Result<Value> apply_filter(Evaluator& evaluator, std::string_view name, const Value& self, const Arguments& arguments);
Result<bool> apply_test(Evaluator& evaluator, std::string_view name, const Value& self, const Arguments& arguments);

}  // namespace troupe::model::jinja
