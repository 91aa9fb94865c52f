#include "tools/troupe/server_address.hpp"

#include <chrono>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "runtime/base/utf8.hpp"
#include "runtime/http/client.hpp"

namespace troupe {
namespace {

constexpr std::size_t kAnswerBytes = std::size_t{64} << 20;

/// A server's text as a terminal may show it: no control characters but line ends.
std::string harmless(const std::string& text, std::size_t bytes) {
  std::string out = replace_invalid_utf8(text.substr(0, bytes));
  for (char& c : out) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

std::shared_ptr<ServerAddress> add_server_flags(CLI::App& command) {
  auto server = std::make_shared<ServerAddress>();
  command.add_option("--url", server->url, "Where the server is; also TROUPE_URL. Default: http://127.0.0.1:8000")
      ->envname("TROUPE_URL")
      ->type_name("URL");
  command
      .add_option_function<unsigned>(
          "--port", [server](unsigned port) { server->url = "http://127.0.0.1:" + std::to_string(port); },
          "The same for a port on this host.")
      ->check(CLI::Range(1u, 65535u))
      ->type_name("PORT")
      ->excludes("--url");
  command.add_option("--ca-file", server->ca_file, "PEM file that the server's certificate is checked against.")
      ->type_name("FILE");
  return server;
}

Error refusal_from(int status, const std::string& body) {
  std::string message = "the server answered " + std::to_string(status);
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object() && json["error"].contains("message") &&
      json["error"]["message"].is_string()) {
    message += ": " + harmless(json["error"]["message"].get<std::string>(), 2000);
  } else if (!body.empty()) {
    message += ": " + harmless(body, 200);
  }
  if (status == 401 || status == 403) message += " Put an API key that may inspect into TROUPE_API_KEY.";
  if (status == 404) return {ErrorCode::kMissingInput, message};
  if (status == 429) return {ErrorCode::kOverloaded, message};
  if (status >= 500) return {ErrorCode::kUnavailable, message};
  return {ErrorCode::kInvalidInput, message};
}

namespace {

Result<std::string> ask(const ServerAddress& server, const char* method, const std::string& path) {
  http::ClientRequest request;
  request.method = method;
  if (request.method == "POST") {
    request.headers.push_back({"content-type", "application/json"});
    request.body = "{}";
  }
  request.url = server.url;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += path;
  request.timeout = std::chrono::seconds(30);
  if (const char* key = std::getenv("TROUPE_API_KEY"); key && *key) {
    request.headers.push_back({"authorization", std::string("Bearer ") + key});
  }
  http::ClientConfig config;
  config.ca_file = server.ca_file;
  config.body_bytes = kAnswerBytes;
  auto response = http::fetch(std::move(request), std::move(config));
  if (!response.ok()) {
    if (response.error().code != ErrorCode::kUnavailable) return std::move(response).error();
    return Error{ErrorCode::kUnavailable,
                 response.error().message + " Is `troupe serve` running at " + server.url + "? Give --url or --port."};
  }
  if (response->status != 200) return refusal_from(response->status, response->body);
  return std::move(response->body);
}

}  // namespace

Result<std::string> get(const ServerAddress& server, const std::string& path) { return ask(server, "GET", path); }

Result<std::string> post(const ServerAddress& server, const std::string& path) { return ask(server, "POST", path); }

}  // namespace troupe
