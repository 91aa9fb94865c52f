// The balancer of a node, as its cluster's file wants it.
#pragma once

#include <memory>

#include <caf/actor_system.hpp>

#include "actors/messages/balancing.hpp"
#include "actors/messages/neighbours.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"
#include "tools/troupe/event_log.hpp"

namespace troupe {

/// A balancer beside this router, which acts while that is the active one. kConfig where there is no such role policy.
Result<BalancerActor> start_balancer(caf::actor_system& actors, const config::ClusterConfig& cluster,
                                     const RouterActor& router, const NeighboursActor& neighbours,
                                     std::shared_ptr<EventLog> log);

}  // namespace troupe
