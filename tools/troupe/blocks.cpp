// `troupe blocks`: who holds the KV blocks of one machine.
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/troupe/blocks_json.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/machine_view.hpp"
#include "tools/troupe/server_address.hpp"

namespace troupe {
namespace {

int show_blocks(const ServerAddress& server, const std::string& machine, bool json) {
  const auto body = get(server, "/troupe/machines/" + machine + "/blocks");
  if (!body.ok()) return fail(body.error());
  if (json) {
    std::cout << *body << "\n";
    return kExitOk;
  }
  const auto table = blocks_table(*body);
  if (!table.ok()) return fail(table.error());
  std::cout << *table;
  return kExitOk;
}

}  // namespace

void add_blocks(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("blocks", "Show who holds the KV blocks of a machine, and in which state.");
  command->footer(
      "Examples:\n  troupe blocks t0\n  troupe blocks m0 --port 9000 --json      # of `troupe serve`\n"
      "\nA server with API keys wants one that may inspect, in TROUPE_API_KEY. `troupe status` names the machines.");
  auto server = add_server_flags(*command);
  auto machine = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option("MACHINE", *machine, "The machine's name.")->required()->check(a_name())->type_name("");
  command->add_flag("--json", *json, "Print the server's JSON.");
  command->callback([=, &chosen] { chosen = [=] { return show_blocks(*server, *machine, *json); }; });
}

}  // namespace troupe
