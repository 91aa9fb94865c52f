// What operators and subscripts do, as Python and jinja2's sandbox have it. Errors do not say where: the caller adds
// that.
#pragma once

#include "runtime/model/chat_template/ast.hpp"

namespace troupe::model::jinja {

/// Text of something that must be a value: kInvalidInput with the undefined value's own sentence.
Error undefined_error(const Value& value);
/// "unsupported types for +: str and int", or the sentence of the operand that is undefined.
Error type_error(std::string_view what, const Value& a, const Value& b);

/// + - * / // % **. Integers past 64 bits are kUnsupported.
Result<Value> arithmetic(Budget& budget, Operator op, const Value& a, const Value& b);
Result<Value> negate(const Value& value);
Result<Value> plus(const Value& value);
/// == != < <= > >= in, not in.
Result<bool> compare(Budget& budget, Operator op, const Value& a, const Value& b);
/// `item in container`.
Result<bool> contains(Budget& budget, const Value& container, const Value& item);

/// `value.name`: a method or attribute first, then an item.
Result<Value> get_attribute(Budget& budget, const Value& value, std::string_view name);
/// `value[key]`: an item first, then an attribute.
Result<Value> get_item(Budget& budget, const Value& value, const Value& key);
/// `value[start:stop:step]`; null for a part that was left out.
Result<Value> get_slice(Budget& budget, const Value& value, const Value* start, const Value* stop, const Value* step);

/// The elements in order: a dict's keys, a string's characters, what is left of an iterator (which is then used up).
/// kInvalidInput for what cannot be walked, and for an iterator that fails within.
Result<std::shared_ptr<const Sequence>> iterate(Budget& budget, const Value& value);
/// The first element only, or nothing; an iterator that fails later does not fail here.
Result<std::optional<Value>> first_of(Budget& budget, const Value& value);
/// Python's len().
Result<std::int64_t> length_of(const Value& value);

/// The items of a dict as (key, value) tuples, or its keys or values.
Result<Value> dict_view(Budget& budget, const Dict& dict, Flavor flavor);

/// Python's '%': `format % values`.
Result<Value> format_percent(Budget& budget, const Text& format, const Values& values);

}  // namespace troupe::model::jinja
