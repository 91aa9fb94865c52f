#include "tools/troupe/node_settings.hpp"

#include <algorithm>
#include <filesystem>

#include "runtime/clock/wall_clock.hpp"
#include "tools/troupe/kv_budget.hpp"

namespace troupe {
namespace {

/// The section's digits were checked when it was read.
http::Sha256 digest(const std::string& hex) {
  http::Sha256 bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return bytes;
}

Result<std::vector<http::ApiKey>> api_keys(const config::HttpSection& section) {
  std::vector<http::ApiKey> keys;
  if (!section.api_key_file.empty()) {
    TRY(loaded, http::load_api_keys(section.api_key_file));
    keys = std::move(loaded);
  }
  for (const auto& entry : section.api_keys) {
    http::ApiKey key;
    key.hash = digest(entry.sha256);
    key.name = entry.name;
    for (const auto& word : entry.scopes)
      if (const auto scope = http::scope_from(word)) key.scopes.insert(*scope);
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

Result<http::ServerConfig> server_config(const config::HttpSection& section, std::vector<http::Route> routes) {
  http::ServerConfig config;
  config.address = section.address;
  config.port = section.port;
  config.routes = std::move(routes);
  TRY(keys, api_keys(section));
  config.api_keys = std::move(keys);
  if (!section.tls.certificate.empty()) config.tls = http::TlsConfig{section.tls.certificate, section.tls.key};
  config.allow_insecure = section.allow_insecure;
  config.allow_origins = section.cors_origins;
  const auto& limits = section.limits;
  config.limits.head.bytes = limits.header_bytes;
  config.limits.head.fields = limits.header_fields;
  config.limits.body_bytes = limits.body_bytes;
  config.limits.total_body_bytes = limits.total_body_bytes;
  config.limits.connections = limits.connections;
  config.limits.connections_per_peer = limits.connections_per_peer;
  config.limits.queued_bytes = limits.queued_bytes;
  config.limits.head_timeout = limits.header_timeout;
  config.limits.body_timeout = limits.body_timeout;
  config.limits.write_timeout = limits.write_timeout;
  config.limits.idle_timeout = limits.idle_timeout;
  config.limits.stream_ping = limits.stream_ping;
  config.unix_seconds = clock::unix_seconds;
  return config;
}

openai::ApiLimits api_limits(const config::ServeConfig& config) {
  openai::ApiLimits limits;
  limits.completion_body_bytes = config.http.limits.body_bytes;
  limits.chat_body_bytes = config.http.limits.chat_body_bytes;
  limits.json_depth = config.api.max_json_depth;
  limits.n = static_cast<std::int32_t>(config.api.max_n);
  limits.prompts = config.api.max_prompts;
  limits.choices = static_cast<std::int32_t>(config.api.max_n * config.api.max_prompts);
  limits.prompt_tokens = static_cast<std::int32_t>(config.api.max_prompt_tokens);
  limits.completion_tokens = static_cast<std::int32_t>(config.api.max_completion_tokens);
  limits.stop_strings = config.api.max_stop_strings;
  limits.stop_bytes = config.api.max_stop_bytes;
  limits.logit_bias = config.api.max_logit_bias;
  return limits;
}

Result<device::CpuDeviceOptions> device_options(const config::ServeConfig& config,
                                                const model::Checkpoint& checkpoint) {
  device::CpuDeviceOptions options;
  options.threads = config.device.threads;
  TRY(plan, plan_for(checkpoint, config, options.kv_dtype));
  options.blocks = plan.blocks;
  switch (config.device.isa) {
    case config::Isa::kAuto:
      break;
    case config::Isa::kAvx2:
      options.isa = kernels::CpuIsa::kAvx2;
      break;
    case config::Isa::kAvx512:
      options.isa = kernels::CpuIsa::kAvx512;
      break;
    case config::Isa::kReference:
      options.isa = kernels::CpuIsa::kReference;
      break;
  }
  return options;
}

openai::ServedModel served_model(const config::ModelSection& section, const model::Checkpoint& checkpoint,
                                 ModelText text, std::int64_t max_sequence) {
  openai::ServedModel model;
  model.names = section.names;
  if (model.names.empty()) {
    const auto path = std::filesystem::weakly_canonical(section.path);
    model.names.push_back(path.has_filename() ? path.filename().string() : path.parent_path().filename().string());
  }
  model.created_unix_s = clock::unix_seconds();
  model.tokenizer = std::move(text.tokenizer);
  model.chat_template = std::move(text.chat_template);
  model.special_tokens = std::move(text.special_tokens);
  model.max_model_len = static_cast<std::int32_t>(std::min(checkpoint.config().max_positions(), max_sequence));
  model.vocab_size = static_cast<std::int32_t>(checkpoint.config().vocab_size);
  model.eos = checkpoint.eos_tokens();
  const auto& generation = checkpoint.generation();
  auto& sampling = model.default_sampling;
  // transformers takes sampling settings to hold only where do_sample is not false.
  if (generation.do_sample.value_or(true)) {
    sampling.temperature = generation.temperature.value_or(sampling.temperature);
    sampling.top_k = generation.top_k.value_or(sampling.top_k);
    sampling.top_p = generation.top_p.value_or(sampling.top_p);
    sampling.min_p = generation.min_p.value_or(sampling.min_p);
  }
  sampling.repetition_penalty = generation.repetition_penalty.value_or(sampling.repetition_penalty);
  return model;
}

}  // namespace troupe
