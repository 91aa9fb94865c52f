#include "tools/simulate/production_engine.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>
#include <utility>
#include <variant>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/number.hpp"
#include "runtime/config/problems.hpp"
#include "runtime/perf/performance_model.hpp"
#include "tools/settings/settings.hpp"
#include "tools/simulate/cluster/simulated_cluster.hpp"

namespace troupe::simulate {
namespace {

/// The most blocks that a modelled machine gets, however much memory it has: 2^24 blocks are 268 million positions.
constexpr double kMostBlocks = 1 << 24;

/// Groups of layers are no more than this, whatever the file says: each costs memory for every block.
constexpr std::uint64_t kMostLayerGroups = 64;

/// What of a cluster's file a simulation reads; --policy is scheduling.policy.
const std::vector<std::string> kRead = {"scheduling.seed",
                                        "scheduling.max_batch_tokens",
                                        "scheduling.prompt_tokens_beside_decodes",
                                        "scheduling.max_running",
                                        "scheduling.max_waiting",
                                        "scheduling.request_timeout",
                                        "scheduling.prompt_batching",
                                        "scheduling.token_batching",
                                        "scheduling.admission",
                                        "slo.",
                                        "splitwise.",
                                        "roles.",
                                        "link.layer_groups",
                                        "failure.heartbeat"};

/// Settings that only a simulation has: durations in microseconds, counts, and factors.
struct OwnKey {
  const char* name;
  std::variant<std::chrono::nanoseconds ClusterSettings::*, std::int32_t ClusterSettings::*, double ClusterSettings::*>
      place;
  std::int32_t most;
};
constexpr std::int32_t kMostMicroseconds = 10'000'000;
constexpr double kLeastFactor = 0.01;
constexpr OwnKey kOwnKeys[] = {
    {"network.latency_us", &ClusterSettings::latency, kMostMicroseconds},
    {"overheads.request_us", &ClusterSettings::request_overhead, kMostMicroseconds},
    {"overheads.prompt_token_us", &ClusterSettings::prompt_token_overhead, kMostMicroseconds},
    {"overheads.step_us", &ClusterSettings::step_overhead, kMostMicroseconds},
    {"overheads.token_us", &ClusterSettings::token_work, kMostMicroseconds},
    {"host.cores", &ClusterSettings::host_cores, 4096},
    {"host.speed_when_full", &ClusterSettings::speed_when_full, 1},
    {"outputs.told", &ClusterSettings::told_max_tokens, 10'000'000},
};

Error refused(const Setting& setting, const std::string& why) {
  return {ErrorCode::kInvalidInput,
          "setting " + setting.first.substr(0, 80) + "=" + setting.second.substr(0, 80) + ": " + why};
}

Result<void> apply(const OwnKey& key, const Setting& setting, ClusterSettings& settings) {
  const auto* const count = std::get_if<std::int32_t ClusterSettings::*>(&key.place);
  const auto* const factor = std::get_if<double ClusterSettings::*>(&key.place);
  const auto value = parse_number<double>(setting.second);
  const bool whole = count == nullptr || (value && *value == std::floor(*value));
  const double least = factor != nullptr ? kLeastFactor : 0;
  if (!value || !whole || *value < least || *value > key.most) {
    std::ostringstream expected;
    expected << "expected a " << (count != nullptr ? "whole " : "") << "number from " << least << " to " << key.most
             << ".";
    return refused(setting, expected.str());
  }
  if (count != nullptr)
    settings.*(*count) = static_cast<std::int32_t>(*value);
  else if (factor != nullptr)
    settings.*(*factor) = *value;
  else
    settings.*std::get<std::chrono::nanoseconds ClusterSettings::*>(key.place) =
        std::chrono::nanoseconds(std::llround(*value * 1e3));
  return {};
}

/// The cluster's file, with what was set one by one over it.
Result<ClusterSettings> settings_of(const SimulationPlan& plan) {
  ClusterSettings out;
  out.latency = std::chrono::microseconds{10};
  out.cluster = plan.cluster.value_or(config::ClusterConfig{});
  auto& scheduling = out.cluster.shared.scheduling;
  if (!plan.cluster) {
    // A file's limits are for one front. Without one the queue is as long as such a cluster's fronts would have it
    // together, and nobody gives up.
    scheduling.max_waiting = std::max(scheduling.max_waiting, 100 * static_cast<std::uint32_t>(plan.machine_count()));
    scheduling.request_timeout = {};
  }
  auto names = config::cluster_key_names(kRead);
  for (const auto& key : kOwnKeys) names.emplace_back(key.name);
  std::vector<config::FlagValue> flags;
  for (const auto& setting : plan.settings) {
    const auto& name = setting.first;
    const auto* const own =
        std::find_if(std::begin(kOwnKeys), std::end(kOwnKeys), [&](const OwnKey& each) { return name == each.name; });
    if (own != std::end(kOwnKeys)) {
      TRY_VOID(apply(*own, setting, out));
    } else if (std::find(names.begin(), names.end(), name) != names.end()) {
      flags.push_back({name, setting.second, "setting " + name});
    } else {
      return refused(setting, "there is no such setting" + did_you_mean(name, names) +
                                  "; there are: " + config::one_of(names) + ".");
    }
  }
  if (auto set = config::override_cluster(out.cluster, flags); !set.ok())
    return Error{ErrorCode::kInvalidInput, set.error().message};
  for (const auto& [name, given] : {std::pair{"overheads.token_us", out.token_work.count() > 0},
                                    std::pair{"host.speed_when_full", out.speed_when_full != 1}})
    if (given && out.host_cores == 0)
      return Error{ErrorCode::kInvalidInput, std::string("setting ") + name +
                                                 ": that is about a host's cores, and no cores are shared. Set "
                                                 "host.cores as well."};
  scheduling.seed += plan.seed;
  auto& groups = out.cluster.link.layer_groups;
  groups = std::min({groups, kMostLayerGroups, static_cast<std::uint64_t>(std::max(plan.model.layers, 1))});
  out.seed = plan.seed;
  out.kv_token_bytes = static_cast<std::size_t>(plan.model.kv_bytes_per_token());
  return out;
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
  TRY(settings, settings_of(plan));
  TRY(policy, policies::make_routing_policy(plan.policy, routing_settings(settings.cluster)));
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
