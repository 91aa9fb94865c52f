// Puts a cluster's configuration together: the shared sections, then each node, then its machines; then what no single
// one of them can tell.
#include <sched.h>

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/file.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/config/loopback.hpp"
#include "runtime/config/section_reader.hpp"
#include "runtime/config/values.hpp"

namespace troupe::config {
namespace {

constexpr Place kTop{1, 1, 1};

struct MachineReader {
  SectionReader values;
  Place place;
};

struct NodeReader {
  SectionReader values;
  Place place;
  bool http = false;
  Place http_place;
  std::vector<MachineReader> machines;
};

class ClusterLoader {
 public:
  ClusterLoader(Problems& problems, std::string file)
      : problems_(problems),
        file_(std::move(file)),
        shared_(problems, file_, cluster_keys(), {{&node_keys(), "a node"}, {&machine_keys(), "a machine"}}) {}

  void read(const Node& root) {
    shared_.read(root, {"nodes"});
    shared_.require_keys(kTop, "a cluster's file");
    const auto nodes = std::find_if(root.entries.begin(), root.entries.end(),
                                    [](const Entry& entry) { return entry.key.text == "nodes"; });
    if (nodes == root.entries.end()) {
      problems_.add(kTop, "a cluster without its nodes", "nodes: a list of {name, control_port, machines}");
      return;
    }
    nodes_place_ = nodes->key.place;
    nodes_place_.length = nodes->key.text.size();
    for (const Node* item : items(nodes->value, nodes->key.place, "nodes", {1, kMostClusterNodes})) read_node(*item);
  }

  void override_with(const ClusterSources& sources, std::vector<std::string>& notes) {
    std::vector<std::string> known = {environment_name("http.port")};
    for (const Key& key : cluster_keys()) known.push_back(environment_name(key.path));
    for (const auto& [name, value] : sources.environment) {
      const auto found = std::find(known.begin(), known.end(), name);
      if (found == known.begin()) {
        if (!take_port(value, name)) notes.push_back(name + " is passed over: more than one node serves HTTP");
      } else if (found != known.end()) {
        shared_.take(cluster_keys()[static_cast<std::size_t>(found - known.begin()) - 1].path, value, name);
      } else if (name.starts_with("TROUPE_")) {
        note_variable(name, known, notes);
      }
    }
    for (const FlagValue& flag : sources.flags) {
      if (flag.key != "http.port") {
        shared_.take(flag.key, flag.value, flag.flag);
      } else if (!take_port(flag.value, flag.flag)) {
        problems_.add_elsewhere(flag.flag, "more than one node serves HTTP", "http.port of each node in the file");
      }
    }
  }

  void check() {
    const bool good_so_far = problems_.empty();
    check_names();
    check_tls();
    check_addresses();
    check_ports();
    check_router();
    if (!good_so_far) return;
    check_shared();
    check_roles(shared_);
    for (NodeReader& node : nodes_) {
      if (node.http) check_http(node.values);
    }
    check_work();
  }

  ClusterConfig finish() {
    ClusterConfig config;
    Draft& shared = shared_.draft();
    config.name = std::move(shared.cluster);
    config.shared = std::move(shared.serve);
    config.sections() = std::move(shared.sections());
    for (NodeReader& node : nodes_) {
      Draft& draft = node.values.draft();
      NodeSection section = std::move(draft.node);
      section.address = loopback_address(section.address).value_or(section.address);
      if (node.http) section.http = std::move(draft.serve.http);
      for (MachineReader& machine : node.machines) {
        Draft& values = machine.values.draft();
        section.machines.push_back({std::move(values.machine.name), values.machine.role, values.serve.device});
      }
      config.nodes.push_back(std::move(section));
    }
    return config;
  }

 private:
  struct Count {
    std::size_t least;
    std::size_t most;
  };

  /// The mappings of a list; what is none, or a list of the wrong length, is a problem.
  std::vector<const Node*> items(const Node& list, Place place, const std::string& what, Count count) {
    std::vector<const Node*> good;
    const std::string expected = "a list of " + std::to_string(count.least) + " to " + std::to_string(count.most) +
                                 (what == "nodes" ? " {name, control_port, machines}" : " {name, role, device}");
    if (list.kind == Node::Kind::kNull && count.least == 0) return good;
    if (list.kind != Node::Kind::kSequence) {
      problems_.add(list.kind == Node::Kind::kNull ? place : list.place,
                    "\"" + what + "\" cannot be " + list.described(), expected);
      return good;
    }
    if (list.items.size() < count.least || list.items.size() > count.most) {
      problems_.add(list.place, "a list of " + std::to_string(list.items.size()) + ' ' + what, expected);
      return good;
    }
    for (const Node& item : list.items) {
      if (item.kind == Node::Kind::kMapping) {
        good.push_back(&item);
      } else {
        problems_.add(item.place, item.described() + " cannot be in \"" + what + '"', expected);
      }
    }
    return good;
  }

  void read_node(const Node& item) {
    if (problems_.full()) return;
    NodeReader node{SectionReader(problems_, file_, node_keys(),
                                  {{&machine_keys(), "a machine"}, {&cluster_keys(), "the top of the file"}}),
                    item.place,
                    false,
                    {},
                    {}};
    node.values.read(item, {"machines"});
    node.values.require_keys(item.place, "a node");
    for (const Entry& entry : item.entries) {
      if (entry.key.text == "http") {
        node.http = true;
        node.http_place = entry.key.place;
        node.http_place.length = entry.key.text.size();
      }
      if (entry.key.text != "machines") continue;
      for (const Node* machine : items(entry.value, entry.key.place, "machines", {0, kMostMachinesOfNode}))
        read_machine(*machine, node);
    }
    nodes_.push_back(std::move(node));
  }

  void read_machine(const Node& item, NodeReader& node) {
    if (problems_.full()) return;
    MachineReader machine{SectionReader(problems_, file_, machine_keys(),
                                        {{&node_keys(), "a node"}, {&cluster_keys(), "the top of the file"}}),
                          item.place};
    machine.values.read(item);
    machine.values.require_keys(item.place, "a machine");
    node.machines.push_back(std::move(machine));
  }

  /// The port is that of the one node with an http section: false where there are several.
  bool take_port(const std::string& value, const std::string& source) {
    NodeReader* server = nullptr;
    for (NodeReader& node : nodes_) {
      if (!node.http) continue;
      if (server) return false;
      server = &node;
    }
    if (server) server->values.take("http.port", value, source);
    return true;
  }

  static void note_variable(const std::string& name, const std::vector<std::string>& known,
                            std::vector<std::string>& notes) {
    const bool of_serve =
        std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return environment_name(key.path) == name; });
    const std::string near = did_you_mean(name, known);
    if (of_serve) {
      notes.push_back("the environment variable " + name + " is for `troupe serve` and is passed over for a cluster");
    } else if (!near.empty()) {
      notes.push_back("the environment variable " + name + " is no setting and is passed over" + near);
    }
  }

  void check_names() {
    std::map<std::string, int> nodes;
    std::map<std::string, int> machines;
    const auto unique = [](std::map<std::string, int>& seen, SectionReader& values, const std::string& name,
                           const std::string& what) {
      if (values.given("name") && ++seen[name] > 1)
        values.report({"name"}, "a second " + what + " named " + in_quotes(name), "a name of its own");
    };
    for (NodeReader& node : nodes_) {
      unique(nodes, node.values, node.values.draft().node.name, "node");
      for (MachineReader& machine : node.machines)
        unique(machines, machine.values, machine.values.draft().machine.name, "machine");
    }
  }

  void check_tls() {
    const ControlTlsSection& tls = shared_.draft().tls;
    const std::size_t given = (tls.ca.empty() ? 0 : 1) + (tls.certificate.empty() ? 0 : 1) + (tls.key.empty() ? 0 : 1);
    const std::vector<std::string> keys = {"tls.ca", "tls.certificate", "tls.key"};
    if (given != 0 && given != 3) {
      shared_.report(keys, "tls has only some of ca, certificate and key", "all three: `troupe certs` makes the files");
      return;
    }
    // With one certificate for all, nobody could tell which node it is that shows it.
    if (given == 3 && nodes_.size() > 1) {
      for (const std::string& key : {keys[1], keys[2]}) {
        const std::string& path = key == keys[1] ? tls.certificate : tls.key;
        if (path.find("{name}") == std::string::npos)
          shared_.report({key}, key + " is one file for all nodes", "a path with {name}, as certs/{name}.pem");
      }
    }
  }

  /// Whoever connects to a plain control port is obeyed.
  void check_addresses() {
    const bool tls = !shared_.draft().tls.ca.empty();
    bool loopback = false;
    bool beyond = false;
    for (NodeReader& node : nodes_) {
      const std::string& address = node.values.draft().node.address;
      if (loopback_address(address)) {
        loopback = true;
      } else if (!is_host_address(address)) {
        node.values.report({"address"}, in_quotes(address) + " is no IP address of a host",
                           "as 127.0.0.1, 10.0.0.5 or fd00::5; names are not resolved");
        return;
      } else if (!tls) {
        node.values.report({"address"},
                           in_quotes(address) + " is not loopback, and control connections beyond it need TLS",
                           "tls: {ca, certificate, key}, of files that `troupe certs` makes; or 127.0.0.1");
        return;
      } else {
        beyond = true;
      }
    }
    for (NodeReader& node : nodes_) {
      const std::string& address = node.values.draft().node.address;
      if (!beyond || !loopback || !loopback_address(address)) continue;
      node.values.report({"address"}, in_quotes(address) + " is loopback, where nodes on other hosts cannot reach it",
                         "an address of this node's host that the others reach", node.place);
      return;
    }
  }

  void check_ports() {
    std::map<std::pair<std::string, std::uint16_t>, std::string> owners;
    const auto take = [&](NodeReader& node, const std::string& key, const std::string& address, std::uint16_t port) {
      const std::string of = key + " of " + in_quotes(node.values.draft().node.name);
      const auto [owner, is_new] = owners.emplace(std::pair(address, port), of);
      if (is_new) return;
      node.values.report({key}, key + ' ' + std::to_string(port) + " at " + address + " is also the " + owner->second,
                         "a port of its own", node.place);
    };
    for (NodeReader& node : nodes_) {
      const NodeSection& section = node.values.draft().node;
      const std::optional<std::string> address = loopback_address(section.address);
      if (node.values.given("control_port"))
        take(node, "control_port", address.value_or(section.address), section.control_port);
    }
    for (NodeReader& node : nodes_) {
      const HttpSection& http = node.values.draft().serve.http;
      if (node.http && http.port != 0)
        take(node, "http.port", loopback_address(http.address).value_or(http.address), http.port);
    }
  }

  void check_router() {
    const bool seen =
        std::any_of(nodes_.begin(), nodes_.end(), [](NodeReader& node) { return node.values.draft().node.router; });
    if (!seen && problems_.empty())
      lacks("no node is a router", "router: true on the node that assigns requests, and on those that may take over");
  }

  void check_shared() {
    if (shared_.draft().serve.model.path.empty())
      problems_.add(kTop, "model.path is missing", "the directory of a Hugging Face checkpoint, under model: path:");
    check_scheduling(shared_);
    const FailureSection& failure = shared_.draft().failure;
    if (failure.silence < 3 * failure.heartbeat) {
      shared_.report({"failure.silence", "failure.heartbeat"}, "failure.silence is under three times failure.heartbeat",
                     "failure.silence of at least " + show_duration(3 * failure.heartbeat));
    }
  }

  /// Whether every phase of a request has somewhere to happen.
  void check_work() {
    bool http = false;
    bool prompts = false;
    bool tokens = false;
    for (NodeReader& node : nodes_) {
      http = http || node.http;
      for (MachineReader& machine : node.machines) {
        const MachineRole role = machine.values.draft().machine.role;
        prompts = prompts || runs_prompts(role);
        tokens = tokens || makes_tokens(role);
      }
    }
    if (!http) lacks("no node serves HTTP", "an http section in one node, as http: {port: 8000}");
    if (!prompts) lacks("no machine can run prompts", "a machine with role: prompt or role: mixed");
    if (!tokens) lacks("no machine can make tokens", "a machine with role: token or role: mixed");
  }

  void lacks(std::string message, std::string expected) {
    if (nodes_place_.line > 0) problems_.add(nodes_place_, std::move(message), std::move(expected));
  }

  Problems& problems_;
  std::string file_;
  SectionReader shared_;
  Place nodes_place_{0, 1, 1};
  std::vector<NodeReader> nodes_;
};

std::uint32_t usable_cores() {
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? static_cast<std::uint32_t>(CPU_COUNT(&cores)) : 0;
}

/// For nodes that are all on this host.
void note_crowding(const ClusterConfig& config, std::uint32_t cores, std::vector<std::string>& notes) {
  if (config.spans_hosts()) return;
  std::uint64_t threads = 0;
  std::size_t automatic = 0;
  for (const NodeSection& node : config.nodes) {
    for (const MachineSection& machine : node.machines) {
      threads += machine.device.threads == 0 ? cores : machine.device.threads;
      automatic += machine.device.kv_memory == 0 ? 1 : 0;
    }
  }
  if (cores > 0 && threads > cores) {
    notes.push_back("the machines want " + std::to_string(threads) + " threads together and this host has " +
                    std::to_string(cores) + (cores == 1 ? " core" : " cores") +
                    ": their steps will wait for each other. Lower device.threads, or have fewer machines.");
  }
  if (config.machine_count() > 1 && automatic > 0) {
    notes.push_back(
        "device.kv_memory is auto for a machine that shares its host with others: what it gets depends on which starts "
        "first. Set device.kv_memory of each machine.");
  }
}

}  // namespace

Result<LoadedCluster> load_cluster(const ClusterSources& sources) {
  auto read = read_file(sources.file, kMostFileBytes);
  if (!read.ok() && read.error().code == ErrorCode::kTooLarge) return file_too_large(sources.file);
  if (!read.ok()) return std::move(read).error();
  const std::string text = std::move(read).value();
  Problems problems(sources.file, text);
  const std::optional<Node> root = parse_document(text, problems, kMostNodesOfCluster);
  if (!root) return problems.error();
  if (root->kind != Node::Kind::kMapping) {
    problems.add(root->place, "a cluster cannot be " + root->described(), "cluster: NAME, nodes: a list, and so on");
    return problems.error();
  }
  if (!is_cluster(*root)) {
    problems.add(kTop, "this is no cluster's file: it has neither cluster nor nodes",
                 "as in cluster_configs/local.yaml; a server's file is for troupe serve --config");
    return problems.error();
  }
  ClusterLoader loader(problems, sources.file);
  loader.read(*root);
  LoadedCluster loaded;
  loader.override_with(sources, loaded.notes);
  loader.check();
  if (!problems.empty()) return problems.error();
  loaded.config = loader.finish();
  note_crowding(loaded.config, sources.cores > 0 ? sources.cores : usable_cores(), loaded.notes);
  return loaded;
}

}  // namespace troupe::config
