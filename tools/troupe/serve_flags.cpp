#include "tools/troupe/serve_flags.hpp"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/config/keys.hpp"

namespace troupe {
namespace {

struct Flag {
  const char* name;
  const char* key;
};

constexpr Flag kFlags[] = {{"--host", "http.address"},
                           {"--port", "http.port"},
                           {"--served-model-name", "model.names"},
                           {"--api-key-file", "http.api_key_file"},
                           {"--tls-certificate", "http.tls.certificate"},
                           {"--tls-key", "http.tls.key"},
                           {"--device-threads", "device.threads"},
                           {"--kv-memory", "device.kv_memory"},
                           {"--isa", "device.isa"},
                           {"--policy", "scheduling.policy"},
                           {"--max-batch-tokens", "scheduling.max_batch_tokens"},
                           {"--max-running", "scheduling.max_running"},
                           {"--max-waiting", "scheduling.max_waiting"},
                           {"--request-timeout", "scheduling.request_timeout"},
                           {"--drain-timeout", "shutdown.drain_timeout"},
                           {"--log-level", "log.level"},
                           {"--log-format", "log.format"}};

/// "KEY=VALUE" into the flags, or CLI11's refusal with a suggestion.
void take_setting(ServeFlags& flags, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  if (equals == std::string::npos) throw CLI::ValidationError("--set", "takes KEY=VALUE, as http.port=9000");
  if (!config::find_key(key)) {
    std::vector<std::string> known;
    for (const config::Key& one : config::keys()) known.push_back(one.path);
    throw CLI::ValidationError("--set", "there is no setting \"" + key.substr(0, 80) + '"' + did_you_mean(key, known));
  }
  flags.values.push_back({key, text.substr(equals + 1), "--set " + key});
}

}  // namespace

std::shared_ptr<ServeFlags> add_serve_flags(CLI::App& command) {
  auto flags = std::make_shared<ServeFlags>();
  command
      .add_option("--config", flags->config_file, "A configuration file (cluster_configs/serve.yaml has every key).")
      ->type_name("FILE");
  for (const Flag& flag : kFlags) {
    const config::Key* key = config::find_key(flag.key);
    CHECK(key, flag.key);
    command
        .add_option_function<std::string>(
            flag.name,
            [flags, flag](const std::string& value) {
              flags->values.push_back({flag.key, value, flag.name});
            },
            key->help)
        ->type_name(key->choices.empty() ? "VALUE" : "WORD");
  }
  command.add_flag_callback(
      "--allow-insecure",
      [flags] {
        flags->values.push_back({"http.allow_insecure", "true", "--allow-insecure"});
      },
      config::find_key("http.allow_insecure")->help);
  command.add_flag_callback(
      "--no-trace",
      [flags] {
        flags->values.push_back({"trace.enabled", "false", "--no-trace"});
      },
      "Record no messages.");
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [flags](const std::vector<std::string>& settings) {
            for (const std::string& setting : settings) take_setting(*flags, setting);
          },
          "Any setting of the configuration, as http.limits.body_bytes=2MiB; may be given again.")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->expected(1, 64)
      ->allow_extra_args(false);
  return flags;
}

Result<config::Loaded> load_settings(const ServeFlags& flags) {
  config::Sources sources;
  sources.file = flags.config_file;
  sources.environment = config::process_environment();
  sources.flags = flags.values;
  if (!flags.model.empty()) sources.flags.push_back({"model.path", flags.model, "MODEL"});
  TRY(loaded, config::load(sources));
  for (const std::string& note : loaded.notes) std::cerr << "troupe: note: " << note << std::endl;
  return std::move(loaded);
}

}  // namespace troupe
