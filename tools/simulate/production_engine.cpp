#include "tools/simulate/production_engine.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <utility>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/perf/performance_model.hpp"
#include "tools/simulate/cluster/simulated_cluster.hpp"

namespace troupe::simulate {
namespace {

/// The most blocks that a modelled machine gets, however much memory it has: 2^24 blocks are 268 million positions.
constexpr double kMostBlocks = 1 << 24;

struct Key {
  const char* name;
  std::int64_t least;
  std::int64_t most;
  void (*apply)(ClusterSettings&, policies::RoutingSettings&, std::int64_t);
};

constexpr std::int64_t kMillion = 1'000'000;
constexpr Key kKeys[] = {
    {"scheduling.max_waiting", 1, 1000 * kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.router.max_waiting = static_cast<std::int32_t>(value);
     }},
    {"scheduling.max_batch_tokens", 1, kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.max_batch_tokens = static_cast<std::int32_t>(value);
     }},
    {"scheduling.prompt_tokens_beside_decodes", 1, kMillion,
     [](ClusterSettings& to, policies::RoutingSettings& routing, std::int64_t value) {
       to.prompt_tokens_beside_decodes = routing.prompt_tokens_beside_decodes = static_cast<std::int32_t>(value);
     }},
    {"scheduling.max_running", 1, kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.tokens.max_running = static_cast<std::int32_t>(value);
     }},
    {"slo.ttft_ms", 1, kMillion,
     [](ClusterSettings&, policies::RoutingSettings& to, std::int64_t value) {
       to.slo.ttft = std::chrono::milliseconds(value);
     }},
    {"slo.ttft_slowdown", 1, 1000,
     [](ClusterSettings&, policies::RoutingSettings& to, std::int64_t value) {
       to.slo.ttft_slowdown = static_cast<std::int32_t>(value);
     }},
    {"slo.tbt_ms", 1, kMillion,
     [](ClusterSettings&, policies::RoutingSettings& to, std::int64_t value) {
       to.slo.tbt = std::chrono::milliseconds(value);
     }},
    {"splitwise.overflow_prompt_tokens", 1, 1000 * kMillion,
     [](ClusterSettings&, policies::RoutingSettings& to, std::int64_t value) { to.overflow_prompt_tokens = value; }},
    {"splitwise.kv_reserve_percent", 0, 90,
     [](ClusterSettings&, policies::RoutingSettings& to, std::int64_t value) {
       to.kv_reserve_percent = static_cast<std::int32_t>(value);
     }},
    {"link.layer_groups", 1, 64,
     [](ClusterSettings& to, policies::RoutingSettings& routing, std::int64_t value) {
       to.layer_groups = routing.layer_groups = static_cast<std::int32_t>(value);
     }},
    {"network.latency_us", 0, 10 * kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.latency = std::chrono::microseconds(value);
     }},
    {"overheads.request_us", 0, 10 * kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.request_overhead = std::chrono::microseconds(value);
     }},
    {"overheads.step_us", 0, 10 * kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.step_overhead = std::chrono::microseconds(value);
     }},
    {"outputs.told", 0, 10 * kMillion,
     [](ClusterSettings& to, policies::RoutingSettings&, std::int64_t value) {
       to.told_max_tokens = static_cast<std::int32_t>(value);
     }},
};

/// Settings that are policies' names.
struct PolicyKey {
  const char* name;
  std::string policies::MachinePolicyNames::*slot;
};
constexpr PolicyKey kPolicyKeys[] = {
    {"scheduling.prompt_batching", &policies::MachinePolicyNames::prompts},
    {"scheduling.token_batching", &policies::MachinePolicyNames::tokens},
    {"scheduling.admission", &policies::MachinePolicyNames::admission},
};

Result<void> apply(const Setting& setting, ClusterSettings& settings, policies::RoutingSettings& routing) {
  const auto& [name, text] = setting;
  for (const auto& key : kPolicyKeys) {
    if (name != key.name) continue;
    settings.policies.*key.slot = text;
    TRY_VOID(policies::make_machine_policies(settings.policies, {}));
    return {};
  }
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kInvalidInput, "setting " + name.substr(0, 80) + "=" + text.substr(0, 80) + ": " + why};
  };
  const auto* const key =
      std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& each) { return name == each.name; });
  if (key == std::end(kKeys)) {
    std::vector<std::string> names;
    std::string all;
    for (const auto& each : kKeys) names.emplace_back(each.name);
    for (const auto& each : kPolicyKeys) names.emplace_back(each.name);
    for (const auto& each : names) all += (all.empty() ? "" : ", ") + each;
    return refused("there is no such setting" + did_you_mean(name, names) + "; there are: " + all + ".");
  }
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < key->least || value > key->most)
    return refused("expected a whole number from " + std::to_string(key->least) + " to " + std::to_string(key->most) +
                   ".");
  key->apply(settings, routing, value);
  return {};
}

/// The group's machines, which share a performance model.
Result<ModelledMachine> machine_of(const MachineGroup& group, const SimulationPlan& plan, std::size_t kv_token_bytes) {
  ModelledMachine machine;
  machine.hardware = group.hardware.name;
  machine.role = group.role;
  machine.card_bytes_per_s = group.hardware.link_bytes_per_s;
  machine.jitter = group.hardware.jitter;
  const double memory = static_cast<double>(group.hardware.memory_bytes) * plan.tensor_parallel -
                        static_cast<double>(plan.model.weight_bytes);
  const double block_bytes = static_cast<double>(kv_token_bytes) * static_cast<double>(kernels::kBlockPositions);
  const double blocks = std::min(memory / block_bytes, kMostBlocks);
  if (blocks < 1 || !(machine.card_bytes_per_s > 0))
    return Error{
        ErrorCode::kInvalidInput,
        "a machine of " + group.hardware.name + " cannot serve " + plan.model.name +
            (blocks < 1 ? ": beside its weights there is no memory for KV. Use a larger machine or a smaller model."
                        : ": the hardware catalogue has no link speed for it (link_gb_per_s).")};
  machine.blocks = static_cast<std::int32_t>(blocks);
  std::string name = plan.performance_model;
  if (name.empty()) name = group.hardware.recorded.contains(plan.model.name) ? "recorded" : "profile";
  TRY(model, perf::make_performance_model(name, {group.hardware, plan.model, plan.tensor_parallel}));
  machine.seconds =
      [shared = std::shared_ptr<const perf::PerformanceModel>(std::move(model))](const device::StepWork& work) {
        return shared->step_seconds({work.prompt_tokens, work.prompt_context, work.decodes, work.decode_context});
      };
  return machine;
}

}  // namespace

Result<simulation::SimulationOutcome> production_engine(const SimulationPlan& plan, const ShowProgress& show) {
  ClusterSettings settings;
  settings.seed = plan.seed;
  settings.latency = std::chrono::microseconds{10};
  settings.kv_token_bytes = static_cast<std::size_t>(plan.model.kv_bytes_per_token());
  // A limit for one front, in the file; here for as many as such a cluster would have.
  settings.router.max_waiting = std::max(settings.router.max_waiting, 100 * plan.machine_count());
  policies::RoutingSettings routing;
  routing.seed = plan.seed;
  for (const auto& setting : plan.settings) TRY_VOID(apply(setting, settings, routing));
  TRY(policy, policies::make_routing_policy(plan.policy, routing));
  std::vector<ModelledMachine> machines;
  for (const auto& group : plan.machines) {
    TRY(machine, machine_of(group, plan, settings.kv_token_bytes));
    for (std::int32_t i = 0; i < group.count; ++i) {
      machines.push_back(machine);
      machines.back().name = machine.hardware + "_" + std::to_string(machines.size() - 1);
    }
  }
  return run_cluster(machines, std::move(policy), plan.load, settings, [&](std::size_t ended) {
    if (show) show(ended, plan.load.size());
  });
}

}  // namespace troupe::simulate
