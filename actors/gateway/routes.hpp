// The routes of a node: one table, from which both the HTTP server's configuration and the gateway's dispatch are made.
#pragma once

#include <vector>

#include "actors/gateway/gateway_options.hpp"

namespace troupe {

enum class GatewayRoute {
  kLive,
  kReady,
  kVersion,
  kMetrics,
  kModels,
  kModel,
  kCompletions,
  kChat,
  kTokenize,
  kDetokenize,
  kExtra,
};

struct RouteEntry {
  http::Route route;
  GatewayRoute kind = GatewayRoute::kExtra;
  http::Handler handler;  ///< of kExtra
};

/// The entries in the order of their indices.
std::vector<RouteEntry> gateway_routes(const GatewayOptions& options);

/// The same for http::ServerConfig::routes: an exchange's route index is an index into gateway_routes().
std::vector<http::Route> http_routes(const GatewayOptions& options);

}  // namespace troupe
