// The arguments of a call, and how a native function reads them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/model/chat_template/value.hpp"

namespace troupe::model::jinja {

/// Arguments as they were evaluated.
struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A filter, test, method or global function. Its errors do not say where: the caller adds that.
using NativeFunction = Result<Value>(Evaluator& evaluator, const Value& self, const Arguments& arguments);

/// Arguments by parameter, in the order of the names that bind was given; null where one was left out.
class Bound {
 public:
  explicit Bound(std::vector<const Value*> values) : values_(std::move(values)) {}
  const Value* operator[](std::size_t i) const { return values_[i]; }
  bool has(std::size_t i) const { return values_[i] != nullptr && !values_[i]->is_none(); }
  const Value& required(std::size_t i) const { return *values_[i]; }
  /// The argument's truth, or `fallback` where it was left out.
  bool flag(std::size_t i, bool fallback) const { return values_[i] == nullptr ? fallback : is_true(*values_[i]); }
  /// A whole number; kInvalidInput for anything else.
  Result<std::int64_t> integer(std::size_t i, std::int64_t fallback) const;
  /// A string; kInvalidInput for anything else.
  Result<const Text*> text(std::size_t i) const;

 private:
  std::vector<const Value*> values_;
};

/// Matches arguments with parameters as Python does, the first `required` of which must be there. The result points
/// into `arguments`. kInvalidInput names what is missing, unknown or too much.
Result<Bound> bind(const Arguments& arguments, std::initializer_list<std::string_view> names, std::size_t required);

}  // namespace troupe::model::jinja
