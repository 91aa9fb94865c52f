#include "tools/troupe/node_pools.hpp"

#include <utility>

#include <caf/send.hpp>

#include "actors/balancer/balancer.hpp"

namespace troupe {

namespace {

policies::Objectives objectives(const config::SloSection& slo) {
  return {slo.ttft, slo.tbt, static_cast<std::int32_t>(slo.ttft_slowdown)};
}

}  // namespace

policies::RoutingSettings routing_settings(const config::ServeConfig& config) {
  policies::RoutingSettings settings;
  settings.prompt_tokens_beside_decodes = static_cast<std::int32_t>(config.scheduling.prompt_tokens_beside_decodes);
  settings.slo = objectives(config.slo);
  settings.seed = config.scheduling.seed;
  return settings;
}

policies::RoutingSettings routing_settings(const config::ClusterConfig& cluster) {
  auto settings = routing_settings(cluster.shared);
  settings.overflow_prompt_tokens = cluster.splitwise.overflow_prompt_tokens;
  settings.kv_reserve_percent = static_cast<std::int32_t>(cluster.splitwise.kv_reserve_percent);
  settings.split = cluster.splitwise.split == config::SplitRule::kWhenItPays ? policies::Split::kWhenItPays
                                                                             : policies::Split::kAlways;
  settings.layer_groups = static_cast<std::int32_t>(cluster.link.layer_groups);
  return settings;
}

Result<policies::MachinePolicies> machine_policies(const config::ServeConfig& config) {
  const auto& scheduling = config.scheduling;
  return policies::make_machine_policies({scheduling.prompt_batching, scheduling.token_batching, scheduling.admission},
                                         {objectives(config.slo)});
}

Result<BalancerActor> start_balancer(caf::actor_system& actors, const config::ClusterConfig& cluster,
                                     const RouterActor& router, const NeighboursActor& neighbours,
                                     std::shared_ptr<EventLog> log) {
  const auto& roles = cluster.roles;
  policies::RoleSettings settings;
  settings.high_percent = static_cast<std::int32_t>(roles.high_percent);
  settings.low_percent = static_cast<std::int32_t>(roles.low_percent);
  settings.hold = roles.hold;
  settings.settle = roles.settle;
  settings.full_prompt_tokens = cluster.splitwise.overflow_prompt_tokens;
  TRY(checked, policies::make_role_policy(roles.policy, settings));
  checked.reset();
  BalancerOptions options;
  options.interval = roles.interval;
  options.make_policy = [name = roles.policy, settings] { return policies::make_role_policy(name, settings).value(); };
  options.router = router;
  options.neighbours = neighbours;
  options.tell = [log = std::move(log)](const std::string& machine, const std::string& role, const std::string& why) {
    log->write(config::LogLevel::kInfo, "role_ordered", {{"machine", machine}, {"role", role}, {"why", why}});
  };
  options.active = false;
  BalancerActor balancer = actors.spawn<Balancer>(std::move(options));
  caf::anon_send(neighbours, WatchRouting{balancer});
  return balancer;
}

}  // namespace troupe
