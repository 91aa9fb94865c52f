// A request's body as JSON, read with bounds.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "runtime/openai/api_error.hpp"

namespace troupe::openai {

struct JsonBounds {
  std::size_t depth = 64;                     ///< containers in containers
  std::size_t values = std::size_t{1} << 20;  ///< containers and scalars
};

/// The object that `text` holds. Refused, saying where: what is not JSON or not UTF-8, a number out of range, a key
/// that stands twice in an object (readers disagree about which of the two counts), anything but an object at the top,
/// and what is past the bounds. Work and memory are within O(n log n) of the text.
Outcome<nlohmann::json> parse_json_object(std::string_view text, JsonBounds bounds);

/// The value for a message: at most about 40 bytes of it.
std::string shown(const nlohmann::json& value);

}  // namespace troupe::openai
