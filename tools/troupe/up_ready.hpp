// Whether a cluster serves: asked of the node that serves HTTP.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace troupe {

struct Readiness {
  bool answers = false;  ///< GET /readyz says 200
  /// How many machines serve by GET /troupe/status; nothing where that wants an API key or makes no sense.
  std::optional<std::size_t> machines;
};

/// Blocks for half a second at most. Sends no API key: who has the port is not known yet.
Readiness ask_readiness(const std::string& url);

/// How many `machines` in the JSON of /troupe/status are in the state "serving".
std::optional<std::size_t> machines_in_status(const std::string& body);

/// "http://127.0.0.1:9000" in `Node "front" is up, listening on http://127.0.0.1:9000`: where a node that was told port
/// 0 says it listens. Nothing in other lines.
std::optional<std::string> url_in_line(const std::string& line);

}  // namespace troupe
