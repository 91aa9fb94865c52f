// `troupe status`: what a server is doing now.
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/server_address.hpp"
#include "tools/troupe/status_table.hpp"

namespace troupe {
namespace {

int status(const ServerAddress& server, bool json) {
  auto body = get(server, "/troupe/status");
  if (!body.ok()) return fail(body.error());
  if (json) {
    std::cout << *body << "\n";
    return kExitOk;
  }
  auto text = status_table(*body);
  if (!text.ok()) return fail(text.error());
  std::cout << *text;
  return kExitOk;
}

}  // namespace

void add_status(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("status", "Show a server's nodes, machines, requests and KV blocks.");
  command->footer(
      "Examples:\n  troupe status\n  troupe status --port 9000\n  troupe status --url https://models.example:8443 "
      "--json\n"
      "\nA server with API keys wants one that may inspect, in TROUPE_API_KEY.");
  auto server = add_server_flags(*command);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print the server's JSON.");
  command->callback([server, json, &chosen] { chosen = [server, json] { return status(*server, *json); }; });
}

}  // namespace troupe
