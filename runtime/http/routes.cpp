#include "runtime/http/routes.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::http {
namespace {

constexpr std::pair<Scope, const char*> kScopeWords[] = {{Scope::kPublic, "public"},
                                                         {Scope::kMetrics, "metrics"},
                                                         {Scope::kInfer, "infer"},
                                                         {Scope::kAdmin, "admin"},
                                                         {Scope::kInspect, "inspect"}};

bool takes_parameter(const Route& route) { return route.path.back() == '}'; }

/// "/v1/models/" of "/v1/models/{id}"; the whole path of an exact route.
std::string_view fixed_part(const Route& route) {
  return takes_parameter(route) ? std::string_view(route.path).substr(0, route.path.rfind('{'))
                                : std::string_view(route.path);
}

bool covers(const Route& route, std::string_view path) {
  const auto fixed = fixed_part(route);
  return takes_parameter(route) ? path.size() > fixed.size() && path.substr(0, fixed.size()) == fixed : path == fixed;
}

bool has_dot_segment(std::string_view path) {
  while (true) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == path.size()) return false;
    path.remove_prefix(slash + 1);
  }
}

bool is_clean_parameter(std::string_view text) {
  return is_valid_utf8(text) && !has_dot_segment(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<Error> malformed(const Route& route) {
  const auto complain = [&](const char* what) {
    return Error{ErrorCode::kConfig, "route " + route.method + " " + route.path + ": " + what};
  };
  const bool word = !route.method.empty() &&
                    std::all_of(route.method.begin(), route.method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!word || route.method == "HEAD" || route.method == "OPTIONS")
    return complain("the method must be an upper-case word; HEAD and OPTIONS are answered without a route.");
  if (route.path.empty() || route.path.front() != '/') return complain("the path must start with '/'.");
  if (route.path.find_first_of("%?# ") != std::string::npos)
    return complain("the path may not hold '%', '?', '#' or blanks.");
  const auto open = route.path.find('{');
  const bool parameter_last = open == std::string::npos
                                  ? route.path.find('}') == std::string::npos
                                  : route.path[open - 1] == '/' && route.path.find('}') == route.path.size() - 1;
  if (!parameter_last) return complain("a parameter must be one whole trailing segment, like /v1/models/{id}.");
  return std::nullopt;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const char* to_string(Scope scope) {
  for (const auto& [value, word] : kScopeWords)
    if (value == scope) return word;
  return "unknown";
}

std::optional<Scope> scope_from(std::string_view word) {
  for (const auto& [value, known] : kScopeWords)
    if (word == known) return value;
  return std::nullopt;
}

Result<RouteTable> RouteTable::make(std::vector<Route> routes) {
  std::set<std::string> seen;
  for (const auto& route : routes) {
    if (auto error = malformed(route)) return *std::move(error);
    if (!seen.insert(route.method + " " + std::string(fixed_part(route)) + (takes_parameter(route) ? "{}" : "")).second)
      return Error{ErrorCode::kConfig, "route " + route.method + " " + route.path + " is there twice."};
  }
  return RouteTable(std::move(routes));
}

std::variant<RouteMatch, AllowedMethods, Refusal> RouteTable::match(std::string_view method,
                                                                    std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  // An exact route hides a parameter that would cover the same path; of several parameters the longest fixed part
  // decides.
  std::string_view owner;
  bool exact = false;
  for (const auto& route : routes_) {
    if (!covers(route, path)) continue;
    if (!takes_parameter(route)) exact = true;
    if (fixed_part(route).size() > owner.size()) owner = fixed_part(route);
  }
  if (path.substr(0, owner.size()).find('%') != std::string_view::npos ||
      (owner.empty() && path.find('%') != std::string_view::npos))
    return Refusal{400, "The path may not be percent-encoded here.", {}};
  if (owner.empty()) {
    std::vector<std::string> near;
    for (const auto& route : routes_)
      if (route.path.size() <= path.size() + 2 && path.size() <= route.path.size() + 2) near.push_back(route.path);
    const auto shown = std::string(path.substr(0, 128));
    return Refusal{404, "There is no " + shown + " here" + did_you_mean(path, near) + ".", {}};
  }
  std::set<std::string> allowed{"OPTIONS"};
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto& route = routes_[i];
    if (fixed_part(route) != owner || takes_parameter(route) == exact) continue;
    allowed.insert(route.method);
    if (route.method == "GET") allowed.insert("HEAD");
    if (route.method != wanted) continue;
    RouteMatch match{i, {}};
    if (takes_parameter(route)) {
      auto parameter = percent_decode(path.substr(owner.size()));
      if (!parameter || !is_clean_parameter(*parameter))
        return Refusal{
            400,
            "The path's last part is not plain percent-encoded UTF-8 without control characters, '.' and '..'.",
            {}};
      match.parameter = *std::move(parameter);
    }
    return match;
  }
  std::string list;
  for (const auto& word : allowed) list += (list.empty() ? "" : ", ") + word;
  if (method == "OPTIONS") return AllowedMethods{list};
  return Refusal{
      405, "The method " + std::string(method) + " is not allowed here; allowed: " + list + ".", {{"allow", list}}};
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    std::replace(value.begin(), value.end(), '+', ' ');
    return percent_decode(value);
  }
  return std::nullopt;
}

}  // namespace troupe::http
