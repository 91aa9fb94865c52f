#include "actors/gateway/routes.hpp"

namespace troupe {

std::vector<RouteEntry> gateway_routes(const GatewayOptions& options) {
  using http::Scope;
  const auto get = [](const char* path, Scope scope) { return http::Route{"GET", path, scope, false, {}}; };
  const auto post = [](const char* path, std::size_t limit) {
    return http::Route{"POST", path, Scope::kInfer, true, limit};
  };
  const auto& limits = options.limits;
  std::vector<RouteEntry> entries = {
      {get("/livez", Scope::kPublic), GatewayRoute::kLive, {}},
      {get("/readyz", Scope::kPublic), GatewayRoute::kReady, {}},
      {get("/health", Scope::kPublic), GatewayRoute::kReady, {}},
      {get("/version", Scope::kPublic), GatewayRoute::kVersion, {}},
      {get("/v1/models", Scope::kInfer), GatewayRoute::kModels, {}},
      {get("/v1/models/{id}", Scope::kInfer), GatewayRoute::kModel, {}},
      {post("/v1/completions", limits.completion_body_bytes), GatewayRoute::kCompletions, {}},
      {post("/v1/chat/completions", limits.chat_body_bytes), GatewayRoute::kChat, {}},
      {post("/tokenize", limits.chat_body_bytes), GatewayRoute::kTokenize, {}},
      {post("/detokenize", limits.chat_body_bytes), GatewayRoute::kDetokenize, {}},
  };
  if (options.metrics_text) entries.push_back({get("/metrics", Scope::kMetrics), GatewayRoute::kMetrics, {}});
  for (const auto& extra : options.extra_routes) entries.push_back({extra.route, GatewayRoute::kExtra, extra.handler});
  return entries;
}

std::vector<http::Route> http_routes(const GatewayOptions& options) {
  std::vector<http::Route> routes;
  for (auto& entry : gateway_routes(options)) routes.push_back(std::move(entry.route));
  return routes;
}

}  // namespace troupe
