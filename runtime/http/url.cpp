// parse_url(): the URLs that people give the command on its command line.
#include <algorithm>

#include "runtime/http/client.hpp"

namespace troupe::http {

std::string Url::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  const auto complain = [&](const char* expected) {
    return Error{ErrorCode::kInvalidInput,
                 "URL \"" + std::string(text.substr(0, 256)) + "\": expected " + expected + "."};
  };
  Url url;
  auto rest = text;
  if (text.size() > 4096 || std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c == 0x7f; }))
    return complain("at most 4,096 ASCII characters without blanks");
  if (rest.substr(0, 8) == "https://") {
    url.tls = true;
    url.port = 443;
    rest.remove_prefix(8);
  } else if (rest.substr(0, 7) == "http://") {
    rest.remove_prefix(7);
  } else {
    return complain("http://... or https://...");
  }
  if (rest.find('#') != std::string_view::npos) return complain("no '#'");
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  auto authority = rest.substr(0, end);
  const auto target = rest.substr(end);
  url.target = target.empty() || target.front() == '?' ? "/" : "";
  url.target += target;
  if (authority.find('@') != std::string_view::npos) return complain("no user name in front of the host");
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return complain("']' behind an IPv6 address");
    url.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  const bool host_ok = !url.host.empty() &&
                       url.host.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:%") == std::string::npos;
  if (!host_ok) return complain("a host name or address");
  if (!authority.empty()) {
    const auto port = authority.front() == ':' ? parse_decimal(authority.substr(1)) : std::nullopt;
    if (!port || *port == 0 || *port > 65535) return complain("a port from 1 to 65535 behind the host");
    url.port = static_cast<std::uint16_t>(*port);
  }
  return url;
}

}  // namespace troupe::http
