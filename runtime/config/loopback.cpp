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

bool is_v4(std::string_view text) {
  if (std::count(text.begin(), text.end(), '.') != 3) return false;
  for (std::string_view rest = text;;) {
    const std::size_t dot = rest.find('.');
    if (!is_octet(rest.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

/// Groups of up to four hexadecimal digits: eight of them, or fewer around one "::".
bool is_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap != std::string_view::npos && text.find("::", gap + 1) != std::string_view::npos) return false;
  std::size_t groups = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view group = rest.substr(0, rest.find(':'));
    if (group.size() > 4 || group.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return false;
    if (!group.empty()) ++groups;
    // A single colon has a group on both sides.
    const bool last = group.size() == rest.size();
    if (!last && rest.size() == group.size() + 1 && !text.ends_with("::")) return false;
    rest.remove_prefix(last ? group.size() : group.size() + 1);
  }
  if (text.starts_with(':') && !text.starts_with("::")) return false;
  return gap == std::string_view::npos ? groups == 8 : groups < 8;
}

}  // namespace

std::optional<std::string> loopback_address(std::string_view text) {
  if (text == "localhost") return "127.0.0.1";
  if (text == "::1") return "::1";
  if (!text.starts_with("127.") || !is_v4(text)) return {};
  return std::string(text);
}

bool is_host_address(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return is_v4(text) && text != "0.0.0.0";
  return is_v6(text) && text.find_first_not_of(":0") != std::string_view::npos;
}

}  // namespace troupe::config
