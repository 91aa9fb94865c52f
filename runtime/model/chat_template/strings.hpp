// What filters and methods do to strings; each pays for its result.
#pragma once

#include "runtime/model/chat_template/operators.hpp"

namespace troupe::model::jinja {

enum class Side { kBoth, kLeft, kRight };

/// `text` without the characters of `characters` (white space where null) at its ends.
Result<Text> strip(Budget& budget, const Text& text, const Text* characters, Side side);
/// str.replace; a negative count replaces all.
Result<Text> replace(Budget& budget, const Text& text, const Text& old, const Text& by, std::int64_t count);
/// str.join, of any values as they print.
Result<Value> join(Budget& budget, const Text& separator, const Values& items);
/// str.split and, from the right, str.rsplit; null separator: at runs of white space. A negative limit: no limit.
Result<Value> split(Budget& budget, const Text& text, const Text* separator, std::int64_t limit, bool from_right);
/// str.splitlines.
Result<Values> split_lines(Budget& budget, const Text& text, bool keep_ends);
/// `text` with spaces (or `fill`) around it up to `width` characters.
Result<Text> pad(Budget& budget, const Text& text, std::int64_t width, Side text_side, char fill);
/// Number of places, none overlapping, where `part` stands.
Result<std::int64_t> count_of(Budget& budget, const Text& text, const Text& part);
/// int(text, base), or nothing. `base` 0 to 36, as Python has it.
std::optional<std::int64_t> parse_integer(std::string_view text, int base);
/// float(text), or nothing.
std::optional<double> parse_float(std::string_view text);
/// &, <, >, " and ' as entities.
Result<Text> escape_html(Budget& budget, const Text& text);

}  // namespace troupe::model::jinja
