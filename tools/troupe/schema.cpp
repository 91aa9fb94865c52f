#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "runtime/config/cluster_config.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {

void add_schema(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("schema", "Print the JSON Schema of a configuration file, for editors.");
  command->footer(
      "Examples:\n  troupe schema > serve.schema.json\n  troupe schema --cluster > cluster.schema.json\n"
      "  # then, as the first line of serve.yaml:\n"
      "  # yaml-language-server: $schema=serve.schema.json");
  auto cluster = std::make_shared<bool>(false);
  command->add_flag("--cluster", *cluster, "Of a cluster's file instead of a server's.");
  command->callback([cluster, &chosen] {
    chosen = [cluster] {
      std::cout << (*cluster ? config::cluster_schema_json() : config::schema_json());
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace troupe
