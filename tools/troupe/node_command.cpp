// `troupe node`: one node of a cluster, until it is told to stop.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "runtime/config/cluster_config.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/node.hpp"
#include "tools/troupe/progress.hpp"
#include "tools/troupe/service_manager.hpp"
#include "tools/troupe/stop_signals.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe node --config cluster_configs/local.yaml --name prompt0\n"
    "  troupe node --config cluster_configs/local.yaml --name front --port 9000 --model models/smollm2-135m-instruct\n"
    "  troupe up cluster_configs/local.yaml               # all nodes of a file on this host\n"
    "\n"
    "SIGTERM or Ctrl-C stops the node: the requests that it serves move to other machines, those whose clients are\n"
    "connected to it may finish (shutdown.drain_timeout).";

struct NodeFlags {
  std::string config;
  std::string name;
  std::string model;
  std::string port;
};

Result<NodeOptions> options_for(const NodeFlags& flags) {
  TRY(loaded, config::load_cluster(config::cluster_sources(flags.config, flags.model, flags.port)));
  const auto node = loaded.config.find_node(flags.name);
  if (!node) {
    std::string names;
    for (const auto& each : loaded.config.nodes) names += (names.empty() ? "" : ", ") + each.name;
    return Error{ErrorCode::kConfig, flags.config + " has no node \"" + flags.name + "\"; its nodes: " + names + "."};
  }
  for (const auto& note : loaded.notes) std::cerr << "troupe: note: " << note << "\n";
  NodeOptions options;
  options.config = config::serve_config_of(loaded.config, *node);
  options.cluster = ClusterPlace{std::move(loaded.config), *node};
  return options;
}

int run_node(const NodeFlags& flags) {
  handle_stop_signals(OnSignal::kEnd);
  auto options = options_for(flags);
  if (!options.ok()) return fail(options.error());
  const auto deadline = options->config.shutdown.drain_timeout;
  Progress progress;
  options->progress = [&progress](std::string_view stage, double done) { progress.show(stage, done); };
  auto node = Node::start(std::move(*options));
  progress.finish();
  if (!node.ok()) return fail(node.error());
  handle_stop_signals(OnSignal::kStop);
  if (!(*node)->banner().empty()) std::cout << (*node)->banner() << "\n";
  std::cout << "Node \"" << flags.name << "\" is up";
  if (!(*node)->url().empty()) std::cout << ", listening on " << (*node)->url();
  std::cout << std::endl;
  notify_service_manager("READY=1");
  wait_for_stop();
  notify_service_manager("STOPPING=1");
  const std::size_t cut = (*node)->drain(deadline);
  node->reset();
  if (cut == 0) return kExitOk;
  std::cerr << "troupe: the drain timed out and cut " << cut << (cut == 1 ? " request" : " requests")
            << ". Give shutdown.drain_timeout more time." << std::endl;
  return kExitTemporary;
}

}  // namespace

void add_node(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("node", "Run one node of a cluster.");
  command->footer(kExamples);
  auto flags = std::make_shared<NodeFlags>();
  command->add_option("--config", flags->config, "The cluster's file.")->required()->type_name("FILE");
  command->add_option("--name", flags->name, "Which of its nodes.")->required()->type_name("NAME");
  command->add_option("--model", flags->model, "Instead of the file's model.path.")->type_name("DIR");
  command->add_option("--port", flags->port, "Instead of the file's HTTP port.")->type_name("N");
  command->callback([flags, &chosen] { chosen = [flags] { return run_node(*flags); }; });
}

}  // namespace troupe
