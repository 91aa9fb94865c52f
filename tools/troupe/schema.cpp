#include <iostream>

#include <CLI/CLI.hpp>

#include "runtime/config/serve_config.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {

void add_schema(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("schema", "Print the JSON Schema of the configuration file, for editors.");
  command->footer(
      "Examples:\n  troupe schema > serve.schema.json\n  # then, as the first line of serve.yaml:\n"
      "  # yaml-language-server: $schema=serve.schema.json");
  command->callback([&chosen] {
    chosen = [] {
      std::cout << config::schema_json();
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace troupe
