// What a node shows of itself over HTTP.
#include <unistd.h>
#include <caf/send.hpp>

#include "actors/messages/transfers.hpp"
#include "tools/troupe/blocks_json.hpp"
#include "tools/troupe/node_parts.hpp"
#include "tools/troupe/paths_json.hpp"
#include "tools/troupe/status_json.hpp"

namespace troupe {
namespace {

constexpr const char* kStatusPath = "/troupe/status";
constexpr const char* kMetricsPath = "/metrics";
constexpr const char* kRequestPath = "/troupe/requests/{id}";
constexpr const char* kDoctorPath = "/troupe/doctor";
constexpr const char* kMachinesPath = "/troupe/machines/{name}";

void answer_trace(http::Exchange& exchange, const Result<std::vector<trace::RequestTrace>>& traces) {
  if (!traces.ok()) {
    exchange.respond_error(traces.error().code == ErrorCode::kMissingInput ? 404 : 501, traces.error().message);
    return;
  }
  const bool json = http::query_value(exchange.request().query, "format") == "json";
  std::string body;
  for (const auto& each : *traces)
    body += (body.empty() ? "" : json ? "," : "\n") + (json ? as_json(each) : as_text(each) + moves_of(each));
  exchange.respond(200, json ? "application/json" : "text/plain; charset=utf-8", json ? "[" + body + "]" : body);
}

/// ?role=prompt|token|mixed and ?drain=yes|no, either or both.
Result<ChangeMachines> change_asked_for(const http::Request& request) {
  ChangeMachines change;
  change.name = request.parameter;
  if (const auto role = http::query_value(request.query, "role")) {
    for (const auto each : {policies::Role::kPrompt, policies::Role::kToken, policies::Role::kMixed})
      if (*role == policies::to_string(each)) change.role = each;
    if (!change.role) return Error{ErrorCode::kInvalidInput, "`role` must be prompt, token or mixed."};
  }
  if (const auto drain = http::query_value(request.query, "drain")) {
    if (*drain != "yes" && *drain != "no") return Error{ErrorCode::kInvalidInput, "`drain` must be yes or no."};
    change.draining = *drain == "yes";
  }
  if (!change.role && !change.draining)
    return Error{ErrorCode::kInvalidInput, "Say what to change: ?role=prompt|token|mixed or ?drain=yes|no."};
  return change;
}

/// Changes what machines are for; for nodes of a cluster alone.
ExtraRoute change_route(const NeighboursActor& neighbours) {
  ExtraRoute change;
  // JSON, so that no page of a browser on this host can send it unasked.
  change.route = {"POST", kMachinesPath, http::Scope::kAdmin, true, std::nullopt};
  change.handler = [neighbours](std::shared_ptr<http::Exchange> exchange) {
    auto asked = change_asked_for(exchange->request());
    if (!asked.ok()) {
      exchange->respond_error(400, asked.error().message);
      return;
    }
    if (!neighbours) {
      exchange->respond_error(400, "This server is alone (`troupe serve`): its one machine does all there is to do.");
      return;
    }
    asked->with = [exchange](const Result<std::int32_t>& told) {
      if (!told.ok()) {
        exchange->respond_error(404, told.error().message);
        return;
      }
      exchange->respond(200, "application/json", "{\"machines\":" + std::to_string(*told) + "}");
    };
    caf::anon_send(neighbours, std::move(*asked));
  };
  return change;
}

/// Who holds a machine's blocks.
ExtraRoute blocks_route(const ClusterViewActor& view) {
  ExtraRoute blocks;
  blocks.route = {"GET", kMachinesPath, http::Scope::kInspect, false, std::nullopt};
  blocks.handler = [view](std::shared_ptr<http::Exchange> exchange) {
    constexpr std::string_view kEnd = "/blocks";
    std::string name = exchange->request().parameter;
    if (!name.ends_with(kEnd)) {
      exchange->respond_error(404, "Of a machine there is /troupe/machines/NAME/blocks to see.");
      return;
    }
    name.resize(name.size() - kEnd.size());
    caf::anon_send(view, ShowBlocks{name, [exchange, name](const BlocksFound& found) {
                                      const auto& what = *found.what;
                                      if (what.ok()) {
                                        exchange->respond(200, "application/json",
                                                          blocks_json(name, found.node, *what));
                                        return;
                                      }
                                      const bool missing = what.error().code == ErrorCode::kMissingInput;
                                      exchange->respond_error(missing ? 404 : 503, what.error().message);
                                    }});
  };
  return blocks;
}

/// How the nodes reach each other. POST, as it makes each node send its peers some megabytes.
ExtraRoute doctor_route(const NeighboursActor& neighbours, const ClusterViewActor& view) {
  ExtraRoute doctor;
  doctor.route = {"POST", kDoctorPath, http::Scope::kAdmin, true, std::nullopt};
  doctor.handler = [neighbours, view](std::shared_ptr<http::Exchange> exchange) {
    if (!neighbours) {
      exchange->respond_error(400, "This server is alone (`troupe serve`): there is no way to another node.");
      return;
    }
    caf::anon_send(view, ShowPaths{neighbours, [exchange](const PathsFound& found) {
                                     if (found.what->ok()) {
                                       exchange->respond(200, "application/json", paths_json(**found.what));
                                       return;
                                     }
                                     const auto& error = found.what->error();
                                     exchange->respond_error(error.code == ErrorCode::kOverloaded ? 429 : 503,
                                                             error.message);
                                   }});
  };
  return doctor;
}

}  // namespace

std::vector<std::string> view_paths() { return {kStatusPath, kMetricsPath, kRequestPath, kMachinesPath, kDoctorPath}; }

std::vector<ExtraRoute> view_routes(const Node::Parts& parts, const std::string& model_name) {
  const auto show = [view = parts.view](std::function<void(const ClusterState&)> with) {
    caf::anon_send(view, ShowCluster{std::move(with)});
  };
  ExtraRoute status;
  status.route = {"GET", kStatusPath, http::Scope::kInspect, false, std::nullopt};
  status.handler = [show, model_name, name = parts.name,
                    draining = parts.draining](std::shared_ptr<http::Exchange> exchange) {
    show([exchange, model_name, name, draining](const ClusterState& cluster) {
      const NodeState node{name, model_name, *draining ? "draining" : "serving", static_cast<long>(::getpid())};
      exchange->respond(200, "application/json", status_json(node, cluster));
    });
  };
  ExtraRoute numbers;
  numbers.route = {"GET", kMetricsPath, http::Scope::kMetrics, false, std::nullopt};
  numbers.handler = [show, metrics = parts.metrics](std::shared_ptr<http::Exchange> exchange) {
    show([exchange, metrics](const ClusterState& cluster) {
      exchange->respond(200, metrics::kExpositionContentType, metrics->exposition(cluster));
    });
  };
  ExtraRoute request;
  request.route = {"GET", kRequestPath, http::Scope::kInspect, false, std::nullopt};
  request.handler = [recorder = parts.recorder,
                     neighbours = parts.neighbours](std::shared_ptr<http::Exchange> exchange) {
    const std::string id = exchange->request().parameter;
    caf::anon_send(recorder, ShowRequest{id, [exchange, neighbours](Result<std::vector<trace::RequestTrace>> traces) {
                                           if (!traces.ok() || !neighbours) return answer_trace(*exchange, traces);
                                           const auto answer = [exchange](std::vector<trace::RequestTrace> all) {
                                             answer_trace(*exchange, std::move(all));
                                           };
                                           caf::anon_send(neighbours, GatherTraces{std::move(*traces), answer});
                                         }});
  };
  return {std::move(status),        std::move(numbers),
          std::move(request),       change_route(parts.neighbours),
          blocks_route(parts.view), doctor_route(parts.neighbours, parts.view)};
}

}  // namespace troupe
