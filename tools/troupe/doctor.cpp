// `troupe doctor`: what may keep Troupe from working well on this host, and between the nodes of a running cluster.
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "runtime/http/free_port.hpp"
#include "tools/troupe/check_cluster.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/doctor_host.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/paths_json.hpp"
#include "tools/troupe/server_address.hpp"

namespace troupe {
namespace {

struct DoctorFlags {
  std::shared_ptr<ServerAddress> server;
  bool server_given = false;
  std::string file;
  bool json = false;
};

/// Where the cluster of that file answers on this host, if it runs.
std::string url_in(const config::ClusterConfig& cluster) {
  for (const auto& node : cluster.nodes)
    if (node.http) return http_url(*node.http);
  return ServerAddress{}.url;
}

std::vector<PortUse> ports_of(const config::ClusterConfig& cluster, bool runs) {
  std::vector<PortUse> ports;
  const auto add = [&](std::string what, const std::string& address, std::uint16_t port) {
    if (port != 0) ports.push_back({std::move(what), address, port, http::can_listen(address, port), runs});
  };
  for (const auto& node : cluster.nodes) {
    if (node.http) add("HTTP of " + node.name, node.http->address, node.http->port);
    add("control port of " + node.name, node.address, node.control_port);
  }
  return ports;
}

/// How the nodes reach each other, where a server answers.
std::vector<Finding> examine_server(const ServerAddress& server, bool expected, bool& runs) {
  const auto status = get(server, "/troupe/status");
  runs = status.ok();
  if (!status.ok()) {
    const bool refused = status.error().code != ErrorCode::kUnavailable;
    Finding none{Verdict::kOk, "cluster", "none answers at " + server.url, ""};
    if (expected || refused) none = {Verdict::kBad, "cluster", status.error().message, ""};
    return {none};
  }
  const auto paths = post(server, "/troupe/doctor");
  if (!paths.ok()) {
    // A server that is alone has no peers to reach.
    const bool alone = paths.error().message.find("is alone") != std::string::npos;
    if (alone) return {{Verdict::kOk, "server", "one answers at " + server.url + "; it is alone", ""}};
    return {
        {Verdict::kBad, "cluster", paths.error().message, "A key that may administer is wanted: it causes traffic."}};
  }
  std::vector<Finding> findings = {{Verdict::kOk, "cluster", "answers at " + server.url, ""}};
  const auto judged = judge_paths(*paths);
  if (!judged.ok()) return {{Verdict::kBad, "cluster", judged.error().message, ""}};
  findings.insert(findings.end(), judged->begin(), judged->end());
  return findings;
}

int doctor(const DoctorFlags& flags) {
  std::optional<config::LoadedCluster> cluster;
  if (!flags.file.empty()) {
    const auto kind = config::kind_of_file(flags.file);
    if (!kind.ok()) return fail(kind.error());
    if (*kind != config::FileKind::kCluster)
      return fail({ErrorCode::kConfig, flags.file +
                                           ": this is a server's file. Give a cluster's; `troupe check` looks at "
                                           "both."});
    auto loaded = config::load_cluster(config::cluster_sources(flags.file, "", ""));
    if (!loaded.ok()) return fail(loaded.error());
    cluster = std::move(*loaded);
  }
  ServerAddress server = *flags.server;
  if (cluster && !flags.server_given) server.url = url_in(cluster->config);

  bool runs = false;
  const auto between = examine_server(server, flags.server_given, runs);
  auto findings = judge(host_facts(), cluster ? &cluster->config : nullptr, runs);
  if (cluster) {
    for (const auto& note : cluster->notes) findings.push_back({Verdict::kWarn, "configuration", note, ""});
    for (auto& finding : judge(ports_of(cluster->config, runs))) findings.push_back(std::move(finding));
  }
  findings.insert(findings.end(), between.begin(), between.end());
  if (flags.json) {
    std::cout << as_json(findings) << "\n";
  } else {
    std::cout << as_text(findings);
  }
  return exit_code_of(findings);
}

}  // namespace

void add_doctor(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command =
      app.add_subcommand("doctor", "Look at this host, and at the ways between the nodes of a running cluster.");
  command->footer(
      "Examples:\n  troupe doctor                                        # this host, and what answers on port 8000\n"
      "  troupe doctor --config cluster_configs/local.yaml    # with that file's ports and wishes\n"
      "  troupe doctor --port 9000 --json\n"
      "\nWhere a cluster answers, each node measures the way to its peers, 8 MiB each: some milliseconds in which "
      "their\n"
      "KV waits. With API keys that wants one that may administer, in TROUPE_API_KEY.\n"
      "\nExit code 0 where nothing is bad (warnings count as well), 69 where something is, 78 for a file that is "
      "wrong.");
  auto flags = std::make_shared<DoctorFlags>();
  flags->server = add_server_flags(*command);
  command->add_option("--config", flags->file, "A cluster's file.")->type_name("FILE");
  command->add_flag("--json", flags->json, "Print JSON.");
  command->callback([flags, command, &chosen] {
    flags->server_given =
        command->count("--url") + command->count("--port") > 0 || std::getenv("TROUPE_URL") != nullptr;
    chosen = [flags] { return doctor(*flags); };
  });
}

}  // namespace troupe
