// `troupe check` of a cluster's file: who is who, what each machine's memory holds, and which way KV blocks will take.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"

namespace troupe {

struct ClusterReport {
  std::string text;                ///< for stdout
  std::vector<std::string> notes;  ///< for stderr
};

/// Reads the file and its model's description; loads no weights and opens no ports. Errors as `troupe up` would meet
/// them: the configuration's mistakes, a model that cannot be used, memory that holds not one block. `json`: the text
/// is one JSON object.
Result<ClusterReport> check_cluster(const config::ClusterSources& sources, bool json);

/// KV blocks that go from machine to machine while no role changes.
struct KvPath {
  std::string from;
  std::string to;
  std::string way;  ///< "shared memory on this host", ...
};

/// From each prompt machine to each token machine; mixed machines stand in for a role that no machine has alone. Not
/// more than `most`.
std::vector<KvPath> kv_paths(const config::ClusterConfig& cluster, std::size_t most);

/// Where clients reach the API of a node that serves it, from this host.
std::string http_url(const config::HttpSection& http);

}  // namespace troupe
