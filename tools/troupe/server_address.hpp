// Which running server a command asks, and how: --url or --port, an API key from the environment, one bounded GET or
// POST.
#pragma once

#include <memory>
#include <string>

#include "runtime/base/result.hpp"

namespace CLI {
class App;
}

namespace troupe {

struct ServerAddress {
  std::string url = "http://127.0.0.1:8000";
  std::string ca_file;
};

/// Adds --url (also TROUPE_URL), --port and --ca-file.
std::shared_ptr<ServerAddress> add_server_flags(CLI::App& command);

/// The body of GET `path`. The key in TROUPE_API_KEY, where set, is sent as a bearer token. kUnavailable where nobody
/// answers; an answer that is not 200 becomes an error with the server's own message.
Result<std::string> get(const ServerAddress& server, const std::string& path);

/// The same for POST without a body: what it does needs a key that may administer.
Result<std::string> post(const ServerAddress& server, const std::string& path);

/// The error for an answer that is not 200: `body` is an OpenAI error object, or anything.
Error refusal_from(int status, const std::string& body);

}  // namespace troupe
