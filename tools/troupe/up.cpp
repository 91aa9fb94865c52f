// `troupe up`: every node of a cluster's file as a process on this host.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/stop_signals.hpp"
#include "tools/troupe/up_cluster.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe up cluster_configs/local.yaml\n"
    "  troupe up cluster_configs/local.yaml --model models/smollm2-135m-instruct --port 9000\n"
    "  troupe check cluster_configs/local.yaml             # first see what that would start\n"
    "\n"
    "Prints one log of all nodes, and the URL once every machine serves. A node that dies is started again. Ctrl-C or\n"
    "SIGTERM drains: exit code 0, or 75 when something was cut. A second Ctrl-C ends every node at once.";

struct UpFlags {
  std::string file;
  std::string model;
  std::string port;
};

ChildCommand node_command(const UpFlags& flags, const std::string& name) {
  ChildCommand command;
  command.arguments = {"node", "--config", flags.file, "--name", name};
  if (!flags.model.empty()) command.arguments.insert(command.arguments.end(), {"--model", flags.model});
  if (!flags.port.empty()) command.arguments.insert(command.arguments.end(), {"--port", flags.port});
  return command;
}

int up(const UpFlags& flags) {
  handle_stop_signals(OnSignal::kStop);
  auto loaded = config::load_cluster(config::cluster_sources(flags.file, flags.model, flags.port));
  if (!loaded.ok()) return fail(loaded.error());
  for (const std::string& note : loaded->notes) std::cerr << "troupe: note: " << note << std::endl;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  // A node writes into a pipe and would take it for a machine's log.
  const bool for_people = terminal && loaded->config.shared.log.format == config::LogFormat::kAuto;
  UpCluster cluster(
      std::move(loaded->config),
      [&flags, for_people](const std::string& name) {
        ChildCommand command = node_command(flags, name);
        if (for_people) command.environment = {"TROUPE_LOG_FORMAT=text"};
        return command;
      },
      terminal && (!no_color || !*no_color));
  return cluster.run();
}

}  // namespace

void add_up(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("up", "Start all nodes of a cluster's file on this host.");
  command->footer(kExamples);
  auto flags = std::make_shared<UpFlags>();
  command->add_option("FILE", flags->file, "A cluster's file, as cluster_configs/local.yaml.")
      ->type_name("")
      ->required();
  command->add_option("--model", flags->model, "Directory of a checkpoint, instead of the file's.")->type_name("DIR");
  command->add_option("--port", flags->port, "TCP port of the API, instead of the file's; 0 takes any free one.")
      ->type_name("PORT");
  command->callback([flags, &chosen] { chosen = [flags] { return up(*flags); }; });
}

}  // namespace troupe
