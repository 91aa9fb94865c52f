// What a cluster's file says of its pools, as the policies are told; and the balancer that acts on it.
#pragma once

#include <memory>

#include <caf/actor_system.hpp>

#include "actors/messages/balancing.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/policies/machine_policies.hpp"
#include "actors/policies/routing_policy.hpp"
#include "runtime/config/cluster_config.hpp"
#include "tools/troupe/event_log.hpp"

namespace troupe {

/// What the routing policy is told, of one server or a cluster.
policies::RoutingSettings routing_settings(const config::ServeConfig& config);
policies::RoutingSettings routing_settings(const config::ClusterConfig& cluster);

/// A machine's own policies, as the configuration names them.
Result<policies::MachinePolicies> machine_policies(const config::ServeConfig& config);

/// A balancer beside this router, which acts while that is the active one. kConfig where there is no such role policy.
Result<BalancerActor> start_balancer(caf::actor_system& actors, const config::ClusterConfig& cluster,
                                     const RouterActor& router, const NeighboursActor& neighbours,
                                     std::shared_ptr<EventLog> log);

}  // namespace troupe
