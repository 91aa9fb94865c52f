#include "runtime/config/loopback.hpp"

#include <algorithm>

namespace troupe::config {
namespace {

/// 0 to 255 without leading zeros, which some resolvers read as octal.
bool is_octet(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return false;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = 10 * value + (c - '0');
  }
  return value <= 255;
}

}  // namespace

std::optional<std::string> loopback_address(std::string_view text) {
  if (text == "localhost") return "127.0.0.1";
  if (text == "::1") return "::1";
  if (!text.starts_with("127.") || std::count(text.begin(), text.end(), '.') != 3) return {};
  for (std::string_view rest = text;;) {
    const std::size_t dot = rest.find('.');
    if (!is_octet(rest.substr(0, dot))) return {};
    if (dot == std::string_view::npos) return std::string(text);
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace troupe::config
