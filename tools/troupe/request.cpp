// `troupe request`: the messages of one request, with times, waits and the policy's reasons.
#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/server_address.hpp"

namespace troupe {
namespace {

struct RequestFlags {
  std::shared_ptr<ServerAddress> server;
  std::string id;
  bool json = false;
};

int show(const RequestFlags& flags) {
  // An id is put into a path as it is, so it may hold nothing that means something there.
  const bool plain = std::all_of(flags.id.begin(), flags.id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
  if (flags.id.empty() || flags.id.size() > 256 || !plain) {
    std::cerr << "troupe: a request's id has letters, digits, '-', '_' and '.' only: the \"id\" of an answer, or its "
                 "x-request-id header."
              << std::endl;
    return kExitUsage;
  }
  auto body = get(*flags.server, "/troupe/requests/" + flags.id + (flags.json ? "?format=json" : "?format=text"));
  if (!body.ok()) return fail(body.error());
  std::cout << *body;
  if (!body->ends_with('\n')) std::cout << "\n";
  return kExitOk;
}

}  // namespace

void add_request(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("request", "Show what happened to one request, message by message.");
  command->footer(
      "Examples:\n  troupe request chatcmpl-5f2b9c        # the \"id\" of an answer, or its x-request-id header\n"
      "  troupe request 17 --port 9000 --json");
  auto flags = std::make_shared<RequestFlags>();
  flags->server = add_server_flags(*command);
  command->add_option("ID", flags->id, "The request's id.")->required()->type_name("");
  command->add_flag("--json", flags->json, "Print JSON.");
  command->callback([flags, &chosen] { chosen = [flags] { return show(*flags); }; });
}

}  // namespace troupe
