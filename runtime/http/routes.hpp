// The table of routes: what is not in it is not served, and every entry says who may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

namespace troupe::http {

/// Who may call a route. kPublic needs no key; the others need a key that carries the scope, where keys are configured.
enum class Scope : std::uint8_t { kPublic, kMetrics, kInfer, kAdmin, kInspect };

/// "public", "metrics", "infer", "admin", "inspect".
const char* to_string(Scope scope);
std::optional<Scope> scope_from(std::string_view word);

/// One entry. `path` is exact, or ends in `/{name}`: then one parameter takes the whole rest of the path, slashes
/// included.
struct Route {
  std::string method;  ///< "GET" also answers HEAD
  std::string path;
  Scope scope = Scope::kAdmin;
  bool json_body = false;  ///< the request must say `content-type: application/json`
  std::optional<std::size_t> body_limit =
      std::nullopt;  ///< bytes; default: ServerLimits::body_bytes, and none at all for GET and DELETE
};

/// Where a request goes.
struct RouteMatch {
  std::size_t route = 0;  ///< index into the table
  std::string parameter;  ///< percent-decoded, valid UTF-8, without control characters and dot segments
};

/// OPTIONS on a path that exists: what may be done there.
struct AllowedMethods {
  std::string list;  ///< "GET, HEAD, OPTIONS"
};

class RouteTable {
 public:
  /// kConfig for an entry that is malformed or there twice.
  static Result<RouteTable> make(std::vector<Route> routes);

  /// Decides on method and path alone. 404 with a did-you-mean, 405 with Allow. A percent-encoding outside a parameter
  /// is refused with 400, because decoding it could change the route.
  std::variant<RouteMatch, AllowedMethods, Refusal> match(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  explicit RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {}
  std::vector<Route> routes_;
};

/// Decodes %XX. Nothing where a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

/// The value of the first `name=value` pair of a query, decoded ('+' is a blank); nothing where it is absent or
/// malformed.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace troupe::http
