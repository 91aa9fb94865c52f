// From what was asked for to a plan and its load.
#include <cmath>

#include "runtime/base/file.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/perf/hardware.hpp"
#include "runtime/workload/read_trace.hpp"
#include "tools/settings/settings.hpp"
#include "tools/simulate/engines.hpp"
#include "tools/simulate/scenario_file.hpp"
#include "tools/troupe/simulate.hpp"

namespace troupe {
namespace {

constexpr const char* kDefaultModel = "bloom-176b";
constexpr std::size_t kMostCatalogueBytes = std::size_t{1} << 20;

Result<perf::Catalogue> catalogue_of(const SimulateOptions& options) {
  if (options.hardware.empty()) return perf::built_in_catalogue();
  TRY(text, read_file(options.hardware, kMostCatalogueBytes));
  return perf::parse_catalogue(text, options.hardware);
}

const std::string& first_given(const std::string& first, const std::string& second) {
  return first.empty() ? second : first;
}

Result<std::vector<simulate::Setting>> settings_of(const std::vector<std::string>& words) {
  std::vector<simulate::Setting> out;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{ErrorCode::kInvalidInput, "--set " + word + ": expected key=value."};
    out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return out;
}

Result<workload::LengthDistribution> lengths_of(const std::vector<double>& words, const std::string& flag) {
  if (words.empty() || words.size() > 2)
    return Error{ErrorCode::kInvalidInput, flag + ": expected a median, and perhaps a 90th percentile."};
  return workload::LengthDistribution{words.front(), words.back()};
}

/// The same requests, nearer together or farther apart.
Result<workload::Load> stretched(workload::Load load, double rate) {
  const double seconds = std::chrono::duration<double>(load.back().at - load.front().at).count();
  if (!(seconds > 0))
    return Error{ErrorCode::kInvalidInput,
                 "the trace's requests arrive all at once: it cannot be stretched to a rate."};
  const double factor = static_cast<double>(load.size()) / seconds / rate;
  if (!(seconds * factor <= workload::kLongestSeconds))
    return Error{ErrorCode::kInvalidInput,
                 "--rate is so low that the trace would last over 1,000,000,000 seconds; give a higher one."};
  const auto begin = load.front().at;
  for (auto& arrival : load)
    arrival.at = std::chrono::nanoseconds(std::llround(static_cast<double>((arrival.at - begin).count()) * factor));
  return load;
}

/// "prompt:h100-80gb*1,token:h100-80gb*1": as many of each role as the file has.
std::string machines_of(const config::ClusterConfig& cluster, const std::string& hardware) {
  std::string out;
  for (const auto role : {config::MachineRole::kPrompt, config::MachineRole::kToken, config::MachineRole::kMixed}) {
    std::size_t count = 0;
    for (const auto& node : cluster.nodes)
      for (const auto& machine : node.machines) count += machine.role == role;
    if (count > 0)
      out += (out.empty() ? "" : ",") + std::string(policies::to_string(role_of(role))) + ":" + hardware + "*" +
             std::to_string(count);
  }
  return out;
}

/// What a configuration says, of either kind: a scenario's file, or a cluster's, whose machines become modelled ones.
struct ConfigFile {
  std::string machines, model, policy, performance_model;
  std::int32_t tensor_parallel = 8;
  std::optional<config::ClusterConfig> cluster;
  simulate::SloTargets slo;
};

Result<ConfigFile> read_cluster_file(const SimulateOptions& options, bool machines_given) {
  TRY(loaded, config::load_cluster(config::cluster_sources(options.config, "", "")));
  const auto& cluster = loaded.config;
  if (!options.split.empty())
    return Error{ErrorCode::kInvalidInput,
                 options.config + " is a cluster's file, which has no splits; leave out --split."};
  if (options.on.empty() && !machines_given)
    return Error{ErrorCode::kInvalidInput,
                 options.config + " is a cluster's file: it has " + machines_of(cluster, "?") +
                     " machines, but no word on what they are modelled by. Give --on h100-80gb, or --machines."};
  ConfigFile out;
  out.machines = machines_of(cluster, options.on);
  out.policy = cluster.shared.scheduling.policy;
  out.cluster = cluster;
  return out;
}

Result<ConfigFile> read_config(const SimulateOptions& options, bool machines_given) {
  if (options.config.empty()) {
    if (!options.split.empty())
      return Error{ErrorCode::kInvalidInput, "--split chooses among the splits of a scenario's file; name one."};
    return ConfigFile{};
  }
  TRY(kind, config::kind_of_file(options.config));
  if (kind == config::FileKind::kCluster) return read_cluster_file(options, machines_given);
  if (!options.on.empty())
    return Error{ErrorCode::kInvalidInput,
                 "--on says what a cluster's file is modelled by; a scenario's file does itself."};
  TRY(scenario, simulate::read_scenario(options.config));
  ConfigFile out{{}, scenario.model, scenario.policy, scenario.performance_model, scenario.tensor_parallel,
                 {}, scenario.slo};
  if (machines_given) return out;
  TRY(machines, scenario.machines_of(options.split));
  out.machines = std::move(machines);
  return out;
}

}  // namespace

Result<Setup> set_up(const SimulateOptions& options, const std::string& machines) {
  Setup out;
  TRY(file, read_config(options, !machines.empty()));
  TRY(catalogue, catalogue_of(options));
  const std::string& words = first_given(machines, file.machines);
  if (words.empty())
    return Error{ErrorCode::kInvalidInput,
                 "there are no machines: give --machines, as prompt:h100-80gb*25,token:a100-80gb*26 or "
                 "mixed:h100-80gb*40, or a scenario's or a cluster's file."};
  TRY(groups, simulate::parse_machines(words, catalogue));
  TRY(model, catalogue.find_model(first_given(first_given(options.model, file.model), kDefaultModel)));
  TRY(settings, settings_of(options.settings));
  out.plan.machines = std::move(groups);
  out.plan.model = std::move(model);
  out.plan.policy = first_given(first_given(options.policy, file.policy), std::string(simulate::kSplitwiseSim));
  out.plan.performance_model = first_given(options.performance_model, file.performance_model);
  out.plan.tensor_parallel = options.tensor_parallel.value_or(file.tensor_parallel);
  out.plan.seed = options.seed;
  out.plan.cluster = std::move(file.cluster);
  out.plan.settings = std::move(settings);
  out.slo = file.slo;
  return out;
}

Result<workload::Load> load_of(const SimulateOptions& options, std::optional<double> rate) {
  if (rate && !(*rate > 0 && std::isfinite(*rate)))
    return Error{ErrorCode::kInvalidInput, "--rate must be above 0 requests a second."};
  if (!options.trace.empty()) {
    TRY(load, workload::read_trace_file(options.trace, options.most_requests));
    if (!rate) return std::move(load);
    return stretched(std::move(load), *rate);
  }
  if (!rate)
    return Error{ErrorCode::kInvalidInput,
                 "there is no load: give --trace FILE, or --rate (requests a second) for one that is made up."};
  workload::LoadRecipe recipe;
  TRY(process, workload::parse_arrival_process(options.arrivals));
  TRY(prompt, lengths_of(options.prompt_tokens, "--prompt-tokens"));
  TRY(output, lengths_of(options.output_tokens, "--output-tokens"));
  recipe.process = process;
  recipe.rate = *rate;
  recipe.burstiness = options.burstiness;
  recipe.seconds = options.duration;
  recipe.prompt = prompt;
  recipe.output = output;
  recipe.seed = options.seed;
  if (!options.lengths.empty()) {
    TRY(seen, workload::read_trace_file(options.lengths, options.most_requests));
    recipe.lengths = workload::SeenLengths{std::move(seen), options.lengths_together};
  }
  return workload::generate(recipe);
}

}  // namespace troupe
