#include "tools/troupe/check_cluster.hpp"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "runtime/control/tls.hpp"
#include "runtime/device/cpu_device.hpp"
#include "runtime/model/host_memory.hpp"
#include "tools/settings/settings.hpp"
#include "tools/troupe/kv_budget.hpp"
#include "tools/troupe/model_text.hpp"

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;
using config::ClusterConfig;
using config::MachineRole;
using config::MachineSection;
using config::NodeSection;

constexpr std::size_t kMostPathsShown = 64;

/// A machine with what its memory will hold.
struct PlannedMachine {
  const NodeSection* node;
  const MachineSection* machine;
  model::MemoryPlan plan;
};

struct Findings {
  ClusterConfig cluster;
  model::Checkpoint checkpoint;
  ModelText text;
  std::vector<PlannedMachine> machines;
  std::vector<KvPath> paths;
};

Result<std::vector<PlannedMachine>> plan_machines(const ClusterConfig& cluster, const model::Checkpoint& checkpoint) {
  std::vector<PlannedMachine> planned;
  for (std::size_t n = 0; n < cluster.nodes.size(); ++n) {
    const NodeSection& node = cluster.nodes[n];
    for (std::size_t m = 0; m < node.machines.size(); ++m) {
      const auto plan =
          plan_for(checkpoint, config::serve_config_of(cluster, n, m), device::CpuDeviceOptions{}.kv_dtype);
      if (!plan.ok()) return plan.error().within("machine " + node.machines[m].name);
      planned.push_back({&node, &node.machines[m], *plan});
    }
  }
  return planned;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

std::string control_address(const NodeSection& node) {
  const bool v6 = node.address.find(':') != std::string::npos;
  return (v6 ? '[' + node.address + ']' : node.address) + ':' + std::to_string(node.control_port);
}

std::string described(const MachineSection& machine) {
  const std::string threads =
      machine.device.threads == 0 ? "a thread for each core" : counted(machine.device.threads, "thread");
  return machine.name + " (" + to_string(machine.role) + ", " + threads + ')';
}

std::string topology_text(const ClusterConfig& cluster) {
  std::size_t name_width = 0;
  std::size_t address_width = 0;
  for (const NodeSection& node : cluster.nodes) {
    name_width = std::max(name_width, node.name.size());
    address_width = std::max(address_width, control_address(node).size());
  }
  std::string out = "nodes              control port and work\n";
  for (const NodeSection& node : cluster.nodes) {
    std::string work;
    const auto add = [&work](const std::string& part) { work.append(work.empty() ? "" : ", ").append(part); };
    if (node.router) add("router");
    if (node.http) add("HTTP at " + http_url(*node.http));
    for (const MachineSection& machine : node.machines) add("machine " + described(machine));
    if (work.empty()) work = "nothing";
    out += "  " + padded(node.name, name_width + 2) + padded(control_address(node), address_width + 2) + work + "\n";
  }
  return out;
}

std::string tls_text(const ClusterConfig& cluster) {
  if (!cluster.tls.given()) return "control            plain, on loopback, between processes of one user\n";
  return "control            mutual TLS, CA " + cluster.tls.ca + "\n";
}

/// Certificates that are on this host must be usable; those of nodes of other hosts may be there only.
Result<void> check_certificates(const ClusterConfig& cluster, const std::string& file,
                                std::vector<std::string>& notes) {
  if (!cluster.tls.given()) return {};
  std::vector<std::string> names;
  for (const NodeSection& node : cluster.nodes) names.push_back(node.name);
  std::string missing;
  std::size_t here = 0;
  for (const std::string& name : names) {
    const auto files = cluster.tls.of(name);
    std::error_code ignored;
    if (!std::filesystem::exists(files.certificate, ignored) && !std::filesystem::exists(files.key, ignored)) {
      missing += (missing.empty() ? "" : ", ") + name;
      continue;
    }
    TRY_VOID(control::TlsContext::load({files.ca, files.certificate, files.key}, names));
    ++here;
  }
  if (here == 0) {
    const std::string folder = std::filesystem::path(cluster.tls.of("NAME").certificate).parent_path().string();
    return Error{ErrorCode::kConfig, file + ": `tls` is given, and no node's certificate is there (" +
                                         cluster.tls.certificate + "). Make them: troupe certs " + folder +
                                         " --config " + file};
  }
  if (!missing.empty()) {
    notes.push_back("no certificate on this host for " + missing +
                    ": right where other hosts run these nodes; else run `troupe certs` again");
  }
  return {};
}

std::string memory_text(const std::vector<PlannedMachine>& machines) {
  std::size_t width = 0;
  for (const PlannedMachine& one : machines) width = std::max(width, one.machine->name.size());
  std::string out = "memory             of each machine\n";
  for (const PlannedMachine& one : machines) {
    const model::MemoryPlan& plan = one.plan;
    out += "  " + padded(one.machine->name, width + 2) + "weights " + model::written_bytes(plan.weight_bytes) +
           ", KV " + model::written_bytes(plan.kv_bytes) + ": " + std::to_string(plan.blocks) +
           " blocks of 16 tokens, " +
           std::to_string(plan.sequences_of(std::min<std::int64_t>(2048, plan.max_positions))) + " sequences of " +
           std::to_string(std::min<std::int64_t>(2048, plan.max_positions)) + " tokens at once\n";
  }
  return out;
}

std::string paths_text(const ClusterConfig& cluster, const std::vector<KvPath>& paths) {
  if (paths.empty()) return "KV blocks          stay where they are computed: every machine does both phases\n";
  std::string out = std::string("KV blocks          between machines, ") +
                    (cluster.link.checksums ? "each with a checksum" : "without checksums") + "\n";
  for (std::size_t i = 0; i < std::min(paths.size(), kMostPathsShown); ++i)
    out += "  " + paths[i].from + " -> " + paths[i].to + ": " + paths[i].way + "\n";
  if (paths.size() > kMostPathsShown) out += "  and so on for the other pairs\n";
  return out;
}

std::size_t bytes_together(const std::vector<PlannedMachine>& machines) {
  std::size_t bytes = 0;
  for (const PlannedMachine& one : machines) bytes += one.plan.weight_bytes + one.plan.kv_bytes;
  return bytes;
}

std::string as_text(const Findings& found) {
  const ClusterConfig& cluster = found.cluster;
  std::string out = "cluster            " + cluster.name + ": " + counted(cluster.nodes.size(), "node") + ", " +
                    counted(cluster.machine_count(), "machine") + "\n";
  out += "model              " + found.checkpoint.directory() + " (" +
         to_string(found.checkpoint.config().architecture) +
         (found.text.chat_template ? ")\n" : "; no chat template: /v1/chat/completions will be refused)\n");
  out += topology_text(cluster) + tls_text(cluster) + memory_text(found.machines) + paths_text(cluster, found.paths);
  const auto ms = [](std::chrono::milliseconds time) { return std::to_string(time.count()) + " ms"; };
  return out + "failure            a node speaks every " + ms(cluster.failure.heartbeat) +
         " and is taken for dead after " + ms(cluster.failure.silence) + " of silence\nok\n";
}

std::string as_json(const Findings& found, const std::vector<std::string>& notes) {
  Json nodes = Json::array();
  std::size_t at = 0;
  for (const NodeSection& node : found.cluster.nodes) {
    Json machines = Json::array();
    for (const MachineSection& machine : node.machines) {
      const model::MemoryPlan& plan = found.machines[at++].plan;
      machines.push_back({{"name", machine.name},
                          {"role", to_string(machine.role)},
                          {"threads", machine.device.threads},
                          {"memory",
                           {{"weight_bytes", plan.weight_bytes},
                            {"kv_bytes_per_token", plan.kv_bytes_per_token},
                            {"blocks", plan.blocks},
                            {"kv_bytes", plan.kv_bytes}}}});
    }
    nodes.push_back({{"name", node.name},
                     {"address", node.address},
                     {"control_port", node.control_port},
                     {"router", node.router},
                     {"url", node.http ? Json(http_url(*node.http)) : Json(nullptr)},
                     {"machines", std::move(machines)}});
  }
  Json paths = Json::array();
  for (const KvPath& path : found.paths) paths.push_back({{"from", path.from}, {"to", path.to}, {"way", path.way}});
  const Json report = {{"ok", true},
                       {"cluster", found.cluster.name},
                       {"model", found.checkpoint.directory()},
                       {"architecture", to_string(found.checkpoint.config().architecture)},
                       {"chat_template", found.text.chat_template != nullptr},
                       {"nodes", std::move(nodes)},
                       {"tls", found.cluster.tls.given()},
                       {"kv_paths", std::move(paths)},
                       {"notes", notes}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::vector<KvPath> kv_paths(const ClusterConfig& cluster, std::size_t most) {
  struct End {
    std::size_t node;
    const MachineSection* machine;
  };
  const auto with_role = [&](MachineRole role) {
    std::vector<End> ends;
    for (std::size_t n = 0; n < cluster.nodes.size(); ++n) {
      for (const MachineSection& machine : cluster.nodes[n].machines) {
        if (machine.role == role) ends.push_back({n, &machine});
      }
    }
    return ends;
  };
  std::vector<End> sources = with_role(MachineRole::kPrompt);
  std::vector<End> targets = with_role(MachineRole::kToken);
  std::vector<KvPath> paths;
  if (sources.empty() && targets.empty()) return paths;
  if (sources.empty()) sources = with_role(MachineRole::kMixed);
  if (targets.empty()) targets = with_role(MachineRole::kMixed);
  const bool tcp = cluster.link.transport == config::LinkTransport::kTcp;
  for (const End& from : sources) {
    for (const End& to : targets) {
      if (paths.size() >= most) return paths;
      const bool one_host = cluster.nodes[from.node].address == cluster.nodes[to.node].address;
      const std::string way =
          from.node == to.node                          ? "inside the process of " + cluster.nodes[from.node].name
          : cluster.spans_hosts() && (tcp || !one_host) ? "TCP from " + cluster.nodes[from.node].address + " to " +
                                                              cluster.nodes[to.node].address + ", not encrypted"
          : tcp ? "TCP on loopback, as link.transport asks"
                : "shared memory on " + (cluster.spans_hosts() ? cluster.nodes[to.node].address : "this host");
      paths.push_back({from.machine->name, to.machine->name, way});
    }
  }
  return paths;
}

std::string http_url(const config::HttpSection& http) {
  std::string host = http.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = '[' + host + ']';
  return (http.tls.certificate.empty() ? "http://" : "https://") + host + ':' + std::to_string(http.port);
}

Result<ClusterReport> check_cluster(const config::ClusterSources& sources, bool json) {
  TRY(loaded, config::load_cluster(sources));
  TRY_VOID(check_certificates(loaded.config, sources.file, loaded.notes));
  TRY_VOID(check_policies(loaded.config));
  const std::string& directory = loaded.config.shared.model.path;
  TRY(checkpoint, model::Checkpoint::open(directory));
  TRY(text, load_model_text(directory));
  Findings found{std::move(loaded.config), std::move(checkpoint), std::move(text), {}, {}};
  TRY(machines, plan_machines(found.cluster, found.checkpoint));
  found.machines = std::move(machines);
  found.paths = kv_paths(found.cluster, kMostPathsShown + 1);
  ClusterReport report;
  report.notes = std::move(loaded.notes);
  const std::size_t wanted = bytes_together(found.machines);
  const std::size_t available = model::available_memory_bytes();
  if (available > 0 && wanted > available && !found.cluster.spans_hosts()) {
    report.notes.push_back("the machines want " + model::written_bytes(wanted) + " together and this host has " +
                           model::written_bytes(available) +
                           " free: nodes will be ended by the system. Lower device.kv_memory, or take machines away.");
  }
  report.text = json ? as_json(found, report.notes) : as_text(found);
  return report;
}

}  // namespace troupe
