// Numbers in texts from outside.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>

namespace troupe {

/// The number that all of `text` is, in decimal, with a point whatever the locale; nothing where it is none, does not
/// fit, or is not finite.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace troupe
