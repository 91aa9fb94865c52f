#include "tools/settings/settings.hpp"

#include <memory>
#include <utility>

#include "actors/policies/library_failures.hpp"

namespace troupe {

namespace {

policies::Objectives objectives(const config::SloSection& slo) {
  return {slo.ttft, slo.tbt, static_cast<std::int32_t>(slo.ttft_slowdown)};
}

/// That something can be made.
template <class Made>
Result<void> tried(const Result<Made>& made) {
  if (!made.ok()) return made.error();
  return {};
}

/// Of what a node asks that routes.
Result<void> check_cluster_policies(const config::ClusterConfig& cluster) {
  TRY_VOID(tried(policies::make_routing_policy(cluster.shared.scheduling.policy, routing_settings(cluster))));
  return tried(balancer_options(cluster));
}

}  // namespace

policies::Role role_of(config::MachineRole role) {
  switch (role) {
    case config::MachineRole::kPrompt:
      return policies::Role::kPrompt;
    case config::MachineRole::kToken:
      return policies::Role::kToken;
    case config::MachineRole::kMixed:
      break;
  }
  return policies::Role::kMixed;
}

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

RouterLimits router_limits(const config::ServeConfig& config) {
  return {static_cast<std::int32_t>(config.scheduling.max_waiting)};
}

Result<BalancerOptions> balancer_options(const config::ClusterConfig& cluster) {
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
  options.make_policy = [name = roles.policy, settings, told = false]() mutable {
    auto made = policies::make_role_policy(name, settings);
    if (made.ok()) return *std::move(made);
    if (!std::exchange(told, true)) policies::library_failed({name, "role policy", made.error().message});
    return std::unique_ptr<policies::RolePolicy>();
  };
  return options;
}

Result<policies::MachinePolicies> machine_policies(const config::ServeConfig& config) {
  const auto& scheduling = config.scheduling;
  return policies::make_machine_policies({scheduling.prompt_batching, scheduling.token_batching, scheduling.admission},
                                         {objectives(config.slo)});
}

Result<void> check_policies(const config::ServeConfig& config) {
  TRY_VOID(tried(policies::make_routing_policy(config.scheduling.policy, routing_settings(config))));
  return tried(machine_policies(config));
}

Result<void> check_policies(const config::ClusterConfig& cluster) {
  TRY_VOID(check_cluster_policies(cluster));
  return tried(machine_policies(cluster.shared));
}

Result<void> check_policies(const config::ClusterConfig& cluster, std::size_t node) {
  const auto& section = cluster.nodes.at(node);
  if (section.router) TRY_VOID(check_cluster_policies(cluster));
  if (section.machines.empty()) return {};
  return tried(machine_policies(cluster.shared));
}

Result<void> tell_how_to_plan(MachineSpec& spec, const config::ServeConfig& config) {
  const auto& scheduling = config.scheduling;
  spec.max_batch_tokens = static_cast<std::int32_t>(scheduling.max_batch_tokens);
  spec.prompt_tokens_beside_decodes = static_cast<std::int32_t>(scheduling.prompt_tokens_beside_decodes);
  spec.token_limits.max_running = static_cast<std::int32_t>(scheduling.max_running);
  TRY(policies, machine_policies(config));
  spec.policies = std::move(policies);
  return {};
}

}  // namespace troupe
