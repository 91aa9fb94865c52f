// What `troupe serve` can be told: the values of cluster_configs/serve.yaml, already checked, with their defaults.
// Reading, overriding and explaining them is in load.hpp; the table of keys, ranges and help texts is in keys.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::config {

struct ModelSection {
  std::string path;                ///< the checkpoint's directory; required
  std::vector<std::string> names;  ///< names it is served under; empty: the directory's last part
};

/// One key in the configuration. What the file holds is never the key, only its SHA-256.
struct ApiKeyEntry {
  std::string name;                 ///< for logs
  std::string sha256;               ///< 64 lower-case hexadecimal digits
  std::vector<std::string> scopes;  ///< of "metrics", "infer", "admin", "inspect"; at least one
};

struct TlsSection {
  std::string certificate;  ///< PEM file, the chain; empty: no TLS. Set together with `key`
  std::string key;          ///< PEM file
};

/// Each has a named refusal when it is hit.
struct HttpLimits {
  std::uint64_t header_bytes = 8 * 1024;
  std::uint64_t header_fields = 100;
  std::uint64_t body_bytes = std::uint64_t{1} << 20;
  std::uint64_t chat_body_bytes = std::uint64_t{8} << 20;     ///< for /v1/chat/completions and /tokenize
  std::uint64_t total_body_bytes = std::uint64_t{256} << 20;  ///< of all bodies held at once
  std::uint64_t connections = 1024;
  std::uint64_t connections_per_peer = 64;
  std::uint64_t queued_bytes = std::uint64_t{4} << 20;  ///< unsent bytes of one stream before it is cut
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds stream_ping{15'000};  ///< 0: never
};

struct HttpSection {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any free one
  std::vector<ApiKeyEntry> api_keys;
  std::string api_key_file;  ///< in the format of http::load_api_keys; empty: none
  TlsSection tls;
  bool allow_insecure = false;  ///< lets an address that is not loopback be served without keys or TLS
  std::vector<std::string> cors_origins;
  HttpLimits limits;
};

enum class DeviceKind : std::uint8_t { kCpu };
enum class Isa : std::uint8_t { kAuto, kAvx2, kAvx512, kReference };

struct DeviceSection {
  DeviceKind kind = DeviceKind::kCpu;
  std::uint32_t threads = 0;    ///< 0: as many as the process may use cores
  std::uint64_t kv_memory = 0;  ///< bytes for KV blocks; 0 ("auto"): from what the host has free after the weights
  Isa isa = Isa::kAuto;
};

struct SchedulingSection {
  std::string policy = "splitwise";      ///< one of routing_policy_names(), or the path of a library (it has a slash)
  std::uint64_t seed = 1;                ///< of the policies that draw
  std::string prompt_batching = "fcfs";  ///< one of prompt_batch_policy_names(), or a library as above
  std::string token_batching = "newest_first";  ///< one of token_batch_policy_names(), or a library
  std::string admission = "fcfs";               ///< one of admission_policy_names(), or a library
  std::uint32_t max_batch_tokens = 2048;
  std::uint32_t prompt_tokens_beside_decodes = 512;  ///< prompt tokens a step may carry while sequences decode
  std::uint32_t max_running = 256;
  std::uint32_t max_waiting = 1024;
  std::chrono::milliseconds request_timeout{600'000};
};

/// What is promised for a request.
struct SloSection {
  std::chrono::milliseconds ttft{1'000};  ///< to the first token
  std::uint32_t ttft_slowdown = 2;        ///< or so many times what the prompt takes alone, where that is more
  std::chrono::milliseconds tbt{100};     ///< from token to token, on the mean
};

/// Bounds on what one call may ask for; over one is a 400 that names it.
struct ApiSection {
  std::uint32_t max_n = 8;
  std::uint32_t max_prompt_tokens = 0;      ///< 0: what the model's context allows
  std::uint32_t max_completion_tokens = 0;  ///< 0: what the model's context allows
  std::uint32_t max_prompts = 64;           ///< prompts in one /v1/completions call
  std::uint32_t max_stop_strings = 4;
  std::uint32_t max_stop_bytes = 256;  ///< of one stop string
  std::uint32_t max_logit_bias = 1024;
  std::uint32_t max_json_depth = 64;
};

struct ShutdownSection {
  std::chrono::milliseconds drain_timeout{25'000};
};

struct TraceSection {
  bool enabled = true;
  std::uint32_t ring_size = 65'536;  ///< message records kept
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kAuto, kText, kJson };

struct LogSection {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;  ///< kAuto: text on a terminal, one JSON object a line elsewhere
};

struct ServeConfig {
  ModelSection model;
  HttpSection http;
  DeviceSection device;
  SchedulingSection scheduling;
  SloSection slo;
  ApiSection api;
  ShutdownSection shutdown;
  TraceSection trace;
  LogSection log;
};

/// The configuration in the YAML file at `path` over the defaults; the environment is not looked at. Errors:
/// kMissingInput, or kConfig with every mistake found (20 at most) as file:line:column, what was expected and a
/// suggestion.
Result<ServeConfig> load_serve(const std::string& path);

/// A JSON Schema (draft 2020-12) of the file, generated from the table of keys.
std::string schema_json();

}  // namespace troupe::config
