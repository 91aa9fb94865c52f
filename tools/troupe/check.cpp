// `troupe check`: what `troupe serve` or, for a cluster's file, `troupe up` would refuse about a model or a
// configuration, found without loading weights or opening ports, and the memory plan it would follow.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "runtime/config/keys.hpp"
#include "runtime/device/cpu_device.hpp"
#include "tools/settings/settings.hpp"
#include "tools/troupe/check_cluster.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/kv_budget.hpp"
#include "tools/troupe/model_text.hpp"
#include "tools/troupe/serve_flags.hpp"

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe check models/smollm2-135m-instruct\n"
    "  troupe check models/smollm2-135m-instruct --kv-memory 512MiB\n"
    "  troupe check cluster_configs/serve.yaml --explain    # every setting and where it came from\n"
    "  troupe check cluster_configs/local.yaml              # a cluster: who is who, memory, the way KV takes\n"
    "  troupe check models/smollm2-135m-instruct --json";

struct CheckFlags {
  std::shared_ptr<ServeFlags> serve;
  std::string target;
  bool explain = false;
  bool json = false;
};

struct Findings {
  config::Loaded settings;
  model::Checkpoint checkpoint;
  ModelText text;
  model::MemoryPlan plan;
};

/// A directory is a model, a file a configuration.
Result<void> tell_apart(const CheckFlags& flags, ServeFlags& serve) {
  if (flags.target.empty()) return {};
  std::error_code failure;
  if (std::filesystem::is_directory(flags.target, failure)) {
    serve.model = flags.target;
  } else if (std::filesystem::exists(flags.target, failure)) {
    serve.config_file = flags.target;
  } else {
    return Error{
        ErrorCode::kMissingInput,
        flags.target + ": there is no such file or directory. Give a checkpoint's directory or a configuration file."};
  }
  return {};
}

Result<Findings> examine(config::Loaded settings) {
  TRY_VOID(check_policies(settings.config));
  TRY(checkpoint, model::Checkpoint::open(settings.config.model.path));
  TRY(text, load_model_text(settings.config.model.path));
  TRY(plan, plan_for(checkpoint, settings.config, device::CpuDeviceOptions{}.kv_dtype));
  return Findings{std::move(settings), std::move(checkpoint), std::move(text), plan};
}

void print_settings(const config::Loaded& settings) {
  std::size_t widest = 0;
  for (const config::Setting& setting : settings.settings)
    widest = std::max(widest, setting.key.size() + 2 + setting.value.size());
  for (const config::Setting& setting : settings.settings) {
    const std::string line = setting.key + ": " + setting.value;
    std::cout << line << std::string(widest + 2 - line.size(), ' ') << "# " << setting.source;
    if (setting.source != "default" && setting.value != setting.default_value)
      std::cout << " (default " << setting.default_value << ')';
    std::cout << "\n";
  }
}

void print_findings(const Findings& found) {
  const model::ModelConfig& shape = found.checkpoint.config();
  std::printf("model              %s\n", found.checkpoint.directory().c_str());
  std::printf("architecture       %s, %.2f M parameters, %lld layers, %lld heads, %lld KV heads of %lld\n",
              to_string(shape.architecture), static_cast<double>(found.checkpoint.parameters()) / 1e6,
              static_cast<long long>(shape.layers), static_cast<long long>(shape.heads),
              static_cast<long long>(shape.kv_heads), static_cast<long long>(shape.head_dim));
  std::printf("context            %lld tokens\n", static_cast<long long>(found.plan.max_positions));
  std::printf(
      "tokenizer          %zu tokens, %s\n", found.text.tokenizer->vocab_size(),
      found.text.chat_template ? "with a chat template" : "no chat template: /v1/chat/completions will be refused");
  std::fputs(describe(found.plan).c_str(), stdout);
  std::fputs("ok\n", stdout);
}

Json as_json(const config::Loaded& settings) {
  Json list = Json::array();
  for (const config::Setting& setting : settings.settings) {
    list.push_back({{"key", setting.key},
                    {"value", setting.value},
                    {"source", setting.source},
                    {"default", setting.default_value}});
  }
  return list;
}

Json as_json(const Findings& found) {
  const model::ModelConfig& shape = found.checkpoint.config();
  const model::MemoryPlan& plan = found.plan;
  Json fits = Json::array();
  for (std::int64_t length = 512; length < plan.max_positions; length *= 4) {
    fits.push_back({{"tokens", length}, {"sequences", plan.sequences_of(length)}});
  }
  fits.push_back({{"tokens", plan.max_positions}, {"sequences", plan.sequences_of(plan.max_positions)}});
  return {{"ok", true},
          {"model", found.checkpoint.directory()},
          {"architecture", to_string(shape.architecture)},
          {"parameters", found.checkpoint.parameters()},
          {"max_positions", plan.max_positions},
          {"vocabulary", found.text.tokenizer->vocab_size()},
          {"chat_template", found.text.chat_template != nullptr},
          {"memory",
           {{"weight_bytes", plan.weight_bytes},
            {"kv_bytes_per_token", plan.kv_bytes_per_token},
            {"block_bytes", plan.block_bytes},
            {"blocks", plan.blocks},
            {"kv_bytes", plan.kv_bytes},
            {"fits", std::move(fits)}}}};
}

int refuse(const Error& error, bool json) {
  if (!json) return fail(error);
  std::cout << Json{{"ok", false}, {"error", to_string(error.code)}, {"message", error.message}}.dump(
                   2, ' ', false, Json::error_handler_t::replace)
            << "\n";
  return exit_code_of(error.code);
}

/// The flags of `troupe serve` that a cluster's file shares; the others stand in it for each node or machine.
Result<config::ClusterSources> as_cluster_sources(const CheckFlags& flags, const ServeFlags& serve) {
  if (flags.explain) {
    return Error{ErrorCode::kInvalidInput,
                 "--explain is for a server's file. A cluster's defaults are in cluster_configs/cluster.schema.json."};
  }
  config::ClusterSources sources;
  sources.file = serve.config_file;
  sources.environment = config::process_environment();
  for (const config::FlagValue& flag : serve.values) {
    if (flag.key != "http.port" && !config::find_key(config::cluster_keys(), flag.key)) {
      return Error{
          ErrorCode::kInvalidInput,
          flag.flag + " is for a server. In a cluster's file it stands in the node or machine that it is for."};
    }
    sources.flags.push_back(flag);
  }
  return sources;
}

int check_cluster_file(const CheckFlags& flags, const ServeFlags& serve) {
  auto sources = as_cluster_sources(flags, serve);
  if (!sources.ok()) return refuse(sources.error(), flags.json);
  auto report = check_cluster(*sources, flags.json);
  if (!report.ok()) return refuse(report.error(), flags.json);
  std::cout << report->text;
  for (const std::string& note : report->notes) std::cerr << "troupe: note: " << note << std::endl;
  return kExitOk;
}

int check(const CheckFlags& flags) {
  ServeFlags serve = *flags.serve;
  if (auto told = tell_apart(flags, serve); !told.ok()) return refuse(told.error(), flags.json);
  if (!serve.config_file.empty()) {
    const auto kind = config::kind_of_file(serve.config_file);
    if (!kind.ok()) return refuse(kind.error(), flags.json);
    if (*kind == config::FileKind::kCluster) return check_cluster_file(flags, serve);
  }
  auto settings = load_settings(serve);
  if (!settings.ok()) return refuse(settings.error(), flags.json);
  Json printed;
  if (flags.explain && flags.json) printed["settings"] = as_json(*settings);
  if (flags.explain && !flags.json) print_settings(*settings);
  auto found = examine(std::move(settings).value());
  if (!found.ok()) return refuse(found.error(), flags.json);
  if (!flags.json) {
    print_findings(*found);
    return kExitOk;
  }
  printed.update(as_json(*found));
  std::cout << printed.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  return kExitOk;
}

}  // namespace

void add_check(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command =
      app.add_subcommand("check", "Check a model, a server's or a cluster's configuration and print the memory plan.");
  command->footer(kExamples);
  auto flags = std::make_shared<CheckFlags>();
  flags->serve = add_serve_flags(*command);
  command->add_option("MODEL|CONFIG", flags->target, "A checkpoint's directory, or a configuration file.")
      ->type_name("");
  command->add_flag("--explain", flags->explain, "Print every setting, its value and where that came from.");
  command->add_flag("--json", flags->json, "Print JSON.");
  command->callback([flags, &chosen] { chosen = [flags] { return check(*flags); }; });
}

}  // namespace troupe
