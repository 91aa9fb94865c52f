// Values as text: Python's str and repr, and json.dumps.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/model/chat_template/value.hpp"

namespace troupe::model::jinja {

/// Python's repr of a float: the shortest digits that read back as the same double ("1.0", "1e+16", "inf").
std::string float_repr(double number);

/// What `{{ value }}` prints. A string is itself; a list or dict is trusted only if everything in it is.
Result<Text> to_text(Budget& budget, const Value& value);

/// Python's repr.
Result<Text> to_repr(Budget& budget, const Value& value);

/// The arguments of json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent =
      std::nullopt;  ///< what one level of nesting starts a line with; without: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

/// json.dumps; kInvalidInput for what JSON cannot say (an undefined value, a namespace). Trusted only if everything
/// within is.
Result<Text> to_json(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace troupe::model::jinja
