// What a node is made of. Internal to node.cpp; the parts' order is the order in which they are made and, backwards,
// the order in which they go.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include "actors/gateway/gateway.hpp"
#include "actors/messages/balancing.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/policies/routing_policy.hpp"
#include "actors/recorder/recorder.hpp"
#include "actors/supervisor/node_watch.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/control/caf_port.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/http/server.hpp"
#include "runtime/link/link.hpp"
#include "runtime/model/checkpoint.hpp"
#include "runtime/trace/flight_recorder.hpp"
#include "tools/troupe/cluster_view.hpp"
#include "tools/troupe/event_log.hpp"
#include "tools/troupe/node.hpp"
#include "tools/troupe/node_metrics.hpp"

namespace troupe {

struct Node::Parts {
  explicit Parts(const NodeOptions& options);
  ~Parts();

  std::string name;  ///< the node's
  std::shared_ptr<EventLog> log;
  std::unique_ptr<trace::FlightRecorder> flight;
  std::vector<MachineSpec> machines;  ///< with their devices
  std::shared_ptr<link::Link> link;   ///< none without a cluster
  std::shared_ptr<link::Link> near;   ///< between machines of this node; none where there is one at most
  std::int32_t layer_groups = 1;      ///< in which a long prompt's KV travels
  std::unique_ptr<exec::NodeConfig> actor_config;
  caf::actor_system actors;
  std::shared_ptr<control::CafPort> control;  ///< none without a cluster; goes before the actors' system does
  NodeWatchActor watch;                       ///< ends the process with any of those below
  RouterActor router;                         ///< none where other nodes route
  DispatcherActor dispatcher;                 ///< of a cluster's node that takes calls
  DeadlinesActor deadlines;                   ///< none where the node takes no calls
  NeighboursActor neighbours;                 ///< none without a cluster
  SupervisorActor supervisor;                 ///< none where the node has no machine
  ClusterViewActor view;
  BalancerActor balancer;  ///< with the router of a cluster
  RecorderActor recorder;
  GatewayActor gateway;  ///< none where the node takes no calls
  std::shared_ptr<const GatewayOptions> options;
  std::shared_ptr<std::atomic<std::int32_t>> serving = std::make_shared<std::atomic<std::int32_t>>(0);
  std::shared_ptr<std::atomic<bool>> ending = std::make_shared<std::atomic<bool>>(false);  ///< in order
  std::shared_ptr<std::atomic<bool>> draining = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<NodeMetrics> metrics;
  std::unique_ptr<http::Server> server;
  std::string url;
  std::string banner;

  /// Loads one machine's weights and registers its KV slab with the link.
  Result<void> load_machine(const config::ServeConfig& config, const model::Checkpoint& checkpoint, MachineSpec spec,
                            const std::function<void(double)>& progress);
  Result<void> start_link(const config::LinkSection& section, const std::string& address);
  Result<void> start_actors(const NodeOptions& options, const model::Checkpoint& checkpoint);
  /// From now on the process ends when one of the actors that are there by now does.
  void watch_actors();
  Result<void> start_neighbours(const ClusterPlace& place, const model::Checkpoint& checkpoint);
  void start_gateway(const config::ServeConfig& config, openai::ServedModel model);
  Result<void> listen(const config::HttpSection& section);

  std::size_t calls_under_way(caf::scoped_actor& self) const;
  /// Whether no machine has anything to do or to keep.
  bool at_rest(caf::scoped_actor& self) const;
  /// Whoever answers QueryCluster.
  SupervisorActor cluster() const;
};

/// Lets `time` pass on a thread that is not an actor's.
void pause(caf::scoped_actor& self, std::chrono::milliseconds time);

/// /troupe/status, /metrics and /troupe/requests/{id}: what the node shows of itself.
std::vector<ExtraRoute> view_routes(const Node::Parts& parts, const std::string& model_name);
/// Their paths, by which answers are counted.
std::vector<std::string> view_paths();

}  // namespace troupe
