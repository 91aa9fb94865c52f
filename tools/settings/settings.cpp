#include "tools/settings/settings.hpp"

#include <utility>

namespace troupe {

namespace {

policies::Objectives objectives(const config::SloSection& slo) {
  return {slo.ttft, slo.tbt, static_cast<std::int32_t>(slo.ttft_slowdown)};
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
  options.make_policy = [name = roles.policy, settings] { return policies::make_role_policy(name, settings).value(); };
  return options;
}

Result<policies::MachinePolicies> machine_policies(const config::ServeConfig& config) {
  const auto& scheduling = config.scheduling;
  return policies::make_machine_policies({scheduling.prompt_batching, scheduling.token_batching, scheduling.admission},
                                         {objectives(config.slo)});
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
