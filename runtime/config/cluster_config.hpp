// What the nodes of a cluster are told: the values of one cluster file, already checked, with their defaults. Every
// node, `troupe up` and `troupe check` read the same file, so that all agree on who is who.
// Promises of a configuration that was loaded: names are unique (nodes; machines across the cluster), as is each
// (address, control port); one node at least is a router, and one serves HTTP; prompts and tokens can both be computed;
// either all nodes are on loopback, or none is and control connections have TLS.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/load.hpp"
#include "runtime/config/serve_config.hpp"

namespace troupe::config {

inline constexpr std::size_t kMostClusterNodes = 1024;
inline constexpr std::size_t kMostMachinesOfNode = 64;

/// Which phases of a request a machine computes.
enum class MachineRole : std::uint8_t { kPrompt, kToken, kMixed };

/// "prompt", "token", "mixed"
const char* to_string(MachineRole role);
inline bool runs_prompts(MachineRole role) { return role != MachineRole::kToken; }
inline bool makes_tokens(MachineRole role) { return role != MachineRole::kPrompt; }

/// A device with its own weights and KV blocks, in the process of its node.
struct MachineSection {
  std::string name;  ///< 1 to 64 of a-z, 0-9 and -; unique in the cluster
  MachineRole role = MachineRole::kMixed;
  DeviceSection device;
};

/// One process. Its id is its place in ClusterConfig::nodes.
struct NodeSection {
  std::string name;                   ///< 1 to 64 of a-z, 0-9 and -; unique in the cluster
  std::string address = "127.0.0.1";  ///< an IP address: where its control port listens and others reach it
  std::uint16_t control_port = 0;     ///< never 0 in a loaded configuration
  bool router = false;                ///< can assign requests to machines; of several, one does at a time
  std::optional<HttpSection> http;    ///< where the node serves the API
  std::vector<MachineSection> machines;
};

/// Mutual TLS of control connections; all three paths or none. "{name}" in a path stands for the node's name.
struct ControlTlsSection {
  std::string ca;
  std::string certificate;
  std::string key;

  bool given() const { return !ca.empty(); }
  /// The paths of one node.
  ControlTlsSection of(const std::string& node) const;
};

enum class LinkTransport : std::uint8_t { kAuto, kSharedMemory, kTcp };

/// "auto", "shared_memory", "tcp"
const char* to_string(LinkTransport transport);

/// How KV blocks go from machine to machine.
struct LinkSection {
  LinkTransport transport = LinkTransport::kAuto;  ///< kAuto: shared memory on one host, TCP between hosts
  bool checksums = true;                           ///< every block that arrives is compared with its sender's hash
  std::uint64_t layer_groups = 6;  ///< in so many pieces a long prompt's KV travels while it is computed
};

/// How a node that died is told from one that is slow.
struct FailureSection {
  std::chrono::milliseconds heartbeat{250};  ///< how often nodes speak at least
  std::chrono::milliseconds silence{1500};   ///< how long a silent node is believed alive; at least three heartbeats
};

/// When a request's two phases are given to two machines.
enum class SplitRule : std::uint8_t { kAlways, kWhenItPays };

/// "always", "when_it_pays"
const char* to_string(SplitRule rule);

/// What scheduling.policy "splitwise" is told; the other policies have no use for it.
struct SplitwiseSection {
  std::uint32_t overflow_prompt_tokens = 8192;  ///< pending on a machine, past which others get the prompts
  std::uint32_t kv_reserve_percent = 10;        ///< of a machine's KV, which prompts do not take
  SplitRule split = SplitRule::kAlways;
};

/// How machines change their roles with the load.
struct RolesSection {
  std::string policy = "fixed";  ///< one of role_policy_names(), or the path of a library (it has a slash)
  std::uint32_t high_percent = 50;
  std::uint32_t low_percent = 20;  ///< less than high_percent
  std::chrono::milliseconds hold{10'000};
  std::chrono::milliseconds settle{30'000};
  std::chrono::milliseconds interval{1'000};  ///< at most `hold`
};

/// What only clusters have, the same for all their nodes.
struct ClusterSections {
  ControlTlsSection tls;
  LinkSection link;
  FailureSection failure;
  SplitwiseSection splitwise;
  RolesSection roles;

  ClusterSections& sections() { return *this; }
};

struct ClusterConfig : ClusterSections {
  std::string name;    ///< 1 to 64 of a-z, 0-9 and -
  ServeConfig shared;  ///< model, scheduling, api, shutdown, trace and log of all nodes; http and device are not used
  std::vector<NodeSection> nodes;  ///< 1 to kMostClusterNodes

  /// Whether nodes listen beyond this host.
  bool spans_hosts() const;
  /// The node of that name, or nothing.
  std::optional<std::size_t> find_node(const std::string& node) const;
  /// The nodes that can assign requests.
  std::vector<std::size_t> routers() const;
  /// How many machines all nodes have together.
  std::size_t machine_count() const;
};

/// What one node's parts that were written for `troupe serve` are told: `shared` with that node's http section and,
/// where a machine is given, that machine's device.
ServeConfig serve_config_of(const ClusterConfig& cluster, std::size_t node,
                            std::optional<std::size_t> machine = std::nullopt);

struct ClusterSources {
  std::string file;
  /// Names and values. TROUPE_ variables of the shared sections (TROUPE_MODEL_PATH, TROUPE_LOG_LEVEL) and
  /// TROUPE_HTTP_PORT count, others are passed over.
  std::vector<std::pair<std::string, std::string>> environment;
  /// As in Sources: keys of the shared sections, and "http.port", which is for the one node that serves HTTP.
  std::vector<FlagValue> flags;
  std::uint32_t cores = 0;  ///< of this host, for notes; 0: as many as this process may use
};

struct LoadedCluster {
  ClusterConfig config;
  std::vector<std::string> notes;  ///< what is likely a slip but no error, for people
};

/// Errors: kMissingInput for a file that is not there, else kConfig with every mistake found, 20 at most. Relative
/// paths in the file are resolved against its folder, those in flags and variables against the working directory.
Result<LoadedCluster> load_cluster(const ClusterSources& sources);

/// The flags `--model` and `--port` as sources, where they were given (not empty), over this process's environment.
ClusterSources cluster_sources(const std::string& file, const std::string& model, const std::string& port);

/// The keys of the shared sections that are in `only`, or below one of them that ends in a dot; in the file's order.
std::vector<std::string> cluster_key_names(const std::vector<std::string>& only);

/// Settings of the shared sections over what was loaded, each checked as in the file, and then what no single one of
/// them can tell. kConfig with every mistake. The keys must be some of cluster_key_names().
Result<void> override_cluster(ClusterConfig& cluster, const std::vector<FlagValue>& flags);

enum class FileKind : std::uint8_t { kServe, kCluster };

/// A cluster's file has `nodes` or `cluster` at its top, whatever else is wrong with it. kMissingInput where it cannot
/// be read.
Result<FileKind> kind_of_file(const std::string& path);

/// A JSON Schema (draft 2020-12) of the file, generated from the table of keys.
std::string cluster_schema_json();

}  // namespace troupe::config
