#include "tools/troupe/up_ready.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "runtime/http/client.hpp"

namespace troupe {
namespace {

constexpr std::chrono::milliseconds kPatience{250};
// As `troupe serve` and `troupe node` say it, one at the start of a line and one within.
constexpr std::string_view kListening = "istening on ";

Result<http::Response> get(const std::string& url, const std::string& path) {
  http::ClientRequest request;
  request.url = url + path;
  request.timeout = kPatience;
  http::ClientConfig config;
  config.connect_timeout = kPatience;
  config.body_bytes = std::size_t{16} << 20;
  // A child of this process, whose certificate need not name a loopback address.
  config.verify_tls = false;
  return http::fetch(std::move(request), std::move(config));
}

}  // namespace

Readiness ask_readiness(const std::string& url) {
  Readiness readiness;
  const auto ready = get(url, "/readyz");
  readiness.answers = ready.ok() && ready->status == 200;
  if (!readiness.answers) return readiness;
  const auto status = get(url, "/troupe/status");
  if (status.ok() && status->status == 200) readiness.machines = machines_in_status(status->body);
  return readiness;
}

std::optional<std::size_t> machines_in_status(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("machines") || !json["machines"].is_array()) return {};
  std::size_t count = 0;
  for (const auto& machine : json["machines"]) {
    const auto state = machine.is_object() ? machine.find("state") : machine.end();
    if (state != machine.end() && *state == "serving") ++count;
  }
  return count;
}

std::optional<std::string> url_in_line(const std::string& line) {
  const std::size_t at = line.find(kListening);
  if (at == std::string::npos) return {};
  const std::size_t from = at + kListening.size();
  std::string url = line.substr(from, line.find(' ', from) - from);
  if (!url.starts_with("http://") && !url.starts_with("https://")) return {};
  return url;
}

}  // namespace troupe
