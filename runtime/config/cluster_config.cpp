#include "runtime/config/cluster_config.hpp"

#include <algorithm>

#include "runtime/base/file.hpp"
#include "runtime/config/document.hpp"
#include "runtime/config/loopback.hpp"
#include "runtime/config/problems.hpp"

namespace troupe::config {

const char* to_string(MachineRole role) {
  switch (role) {
    case MachineRole::kPrompt:
      return "prompt";
    case MachineRole::kToken:
      return "token";
    case MachineRole::kMixed:
      break;
  }
  return "mixed";
}

const char* to_string(LinkTransport transport) {
  switch (transport) {
    case LinkTransport::kSharedMemory:
      return "shared_memory";
    case LinkTransport::kTcp:
      return "tcp";
    case LinkTransport::kAuto:
      break;
  }
  return "auto";
}

const char* to_string(SplitRule rule) { return rule == SplitRule::kAlways ? "always" : "when_it_pays"; }

ControlTlsSection ControlTlsSection::of(const std::string& node) const {
  const auto named = [&node](std::string path) {
    static const std::string placeholder = "{name}";
    for (auto at = path.find(placeholder); at != std::string::npos; at = path.find(placeholder, at + node.size()))
      path.replace(at, placeholder.size(), node);
    return path;
  };
  return {named(ca), named(certificate), named(key)};
}

bool ClusterConfig::spans_hosts() const {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const NodeSection& node) { return !loopback_address(node.address); });
}

std::optional<std::size_t> ClusterConfig::find_node(const std::string& node) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NodeSection& one) { return one.name == node; });
  if (found == nodes.end()) return {};
  return static_cast<std::size_t>(found - nodes.begin());
}

std::vector<std::size_t> ClusterConfig::routers() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].router) found.push_back(i);
  return found;
}

std::size_t ClusterConfig::machine_count() const {
  std::size_t count = 0;
  for (const NodeSection& node : nodes) count += node.machines.size();
  return count;
}

ServeConfig serve_config_of(const ClusterConfig& cluster, std::size_t node, std::optional<std::size_t> machine) {
  const NodeSection& section = cluster.nodes.at(node);
  ServeConfig config = cluster.shared;
  config.http = section.http.value_or(HttpSection{});
  config.device = machine ? section.machines.at(*machine).device : DeviceSection{};
  return config;
}

ClusterSources cluster_sources(const std::string& file, const std::string& model, const std::string& port) {
  ClusterSources sources;
  sources.file = file;
  sources.environment = process_environment();
  if (!model.empty()) sources.flags.push_back({"model.path", model, "--model"});
  if (!port.empty()) sources.flags.push_back({"http.port", port, "--port"});
  return sources;
}

Result<FileKind> kind_of_file(const std::string& path) {
  auto text = read_file(path, kMostFileBytes);
  if (!text.ok() && text.error().code != ErrorCode::kTooLarge) return std::move(text).error();
  if (!text.ok()) return FileKind::kServe;
  Problems unread(path, *text);
  const std::optional<Node> root = parse_document(*text, unread, kMostNodesOfCluster);
  return root && is_cluster(*root) ? FileKind::kCluster : FileKind::kServe;
}

}  // namespace troupe::config
