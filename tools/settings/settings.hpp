// What a configuration says, as actors and policies are told it: one place for nodes and for `troupe simulate`, so that
// a setting cannot reach the one and miss the other.
#pragma once

#include <cstddef>

#include "actors/balancer/balancer.hpp"
#include "actors/policies/machine_policies.hpp"
#include "actors/policies/routing_policy.hpp"
#include "actors/router/router.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/config/cluster_config.hpp"

namespace troupe {

policies::Role role_of(config::MachineRole role);

/// What the routing policy is told, of one server or a cluster.
policies::RoutingSettings routing_settings(const config::ServeConfig& config);
policies::RoutingSettings routing_settings(const config::ClusterConfig& cluster);

RouterLimits router_limits(const config::ServeConfig& config);

/// How often the balancer looks, and what makes its policy; whom it asks and tells is left to the caller. kConfig where
/// there is no such role policy, a library's errors where it is one's path. A library that makes none later on is told
/// of as a failure, once.
Result<BalancerOptions> balancer_options(const config::ClusterConfig& cluster);

/// A machine's own policies, as the configuration names them. Errors as above.
Result<policies::MachinePolicies> machine_policies(const config::ServeConfig& config);

/// That the policies can be made which the configuration names, by making them: libraries are opened for that.
Result<void> check_policies(const config::ServeConfig& config);
/// Of all nodes of the cluster.
Result<void> check_policies(const config::ClusterConfig& cluster);
/// Of one node: where it routes those of the cluster, where it has machines theirs.
Result<void> check_policies(const config::ClusterConfig& cluster, std::size_t node);

/// Puts into a machine's specification how it is to plan its work: limits and policies. Errors as machine_policies().
Result<void> tell_how_to_plan(MachineSpec& spec, const config::ServeConfig& config);

}  // namespace troupe
