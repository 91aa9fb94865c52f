// `troupe roles` and `troupe drain`: what machines are for.
#include <chrono>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

#include "runtime/clock/wall_clock.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/machine_view.hpp"
#include "tools/troupe/server_address.hpp"

namespace troupe {
namespace {

constexpr std::chrono::milliseconds kLook{100};
/// How long an order may take to reach its machine and come back as its state.
constexpr std::chrono::seconds kOrderPatience{5};

Result<std::vector<MachineLine>> machines_of(const ServerAddress& server) {
  TRY(body, get(server, "/troupe/status"));
  return machine_lines(body);
}

int show_roles(const ServerAddress& server) {
  const auto machines = machines_of(server);
  if (!machines.ok()) return fail(machines.error());
  std::cout << roles_table(*machines);
  return kExitOk;
}

/// Looks until `done` says so of the machines that `name` means, or the time is over.
Result<bool> wait_until(const ServerAddress& server, const std::string& name, std::chrono::milliseconds patience,
                        const std::function<bool(const MachineLine&)>& done) {
  const auto end = clock::steady_now() + patience;
  for (;;) {
    TRY(machines, machines_of(server));
    bool all = true;
    for (const auto& machine : machines)
      if (machine.name == name || machine.node == name) all = all && done(machine);
    if (all) return true;
    if (clock::steady_now() >= end) return false;
    std::this_thread::sleep_for(kLook);
  }
}

int set_role(const ServerAddress& server, const std::string& machine, const std::string& role) {
  const auto told = post(server, "/troupe/machines/" + machine + "?role=" + role);
  if (!told.ok()) return fail(told.error());
  const auto done = wait_until(server, machine, kOrderPatience, [&](const auto& each) { return each.role == role; });
  if (!done.ok()) return fail(done.error());
  if (!*done)
    return fail({ErrorCode::kUnavailable, "\"" + machine + "\" has not taken the role on yet; see `troupe roles`."});
  std::cout << machine << " is a " << role << " machine now. What it had begun it ends.\n";
  return kExitOk;
}

int drain_machines(const ServerAddress& server, const std::string& name, bool undo, unsigned timeout_s) {
  const auto told = post(server, "/troupe/machines/" + name + "?drain=" + (undo ? "no" : "yes"));
  if (!told.ok()) return fail(told.error());
  if (undo) {
    std::cout << name << " takes new requests again.\n";
    return kExitOk;
  }
  const auto done = wait_until(server, name, std::chrono::seconds(timeout_s), [](const auto& each) {
    return each.state == "draining" && each.running == 0 && each.waiting == 0 && each.held == 0;
  });
  if (!done.ok()) return fail(done.error());
  if (!*done) {
    std::cerr << "troupe: " << name << " gets no new requests, but has some still after " << timeout_s
              << " s. Wait on with `troupe drain " << name << "`, or stop the node: they move to other machines.\n";
    return kExitTemporary;
  }
  std::cout << name << " has nothing to do and nothing to keep, and gets no new requests; stop its node at will, or\n"
            << "let it work again with `troupe drain " << name << " --undo`.\n";
  return kExitOk;
}

}  // namespace

void add_roles(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("roles", "Show what machines are for, or change it while they work.");
  command->footer(
      "Examples:\n  troupe roles\n  troupe roles set m0 prompt\n  troupe roles set m0 mixed --port 9000\n"
      "\nA machine ends what it has begun; no request is interrupted. A server with API keys wants one that may\n"
      "administer, in TROUPE_API_KEY.");
  command->fallthrough();
  auto server = add_server_flags(*command);
  CLI::App* set = command->add_subcommand("set", "Give a machine another role.");
  auto machine = std::make_shared<std::string>();
  auto role = std::make_shared<std::string>();
  set->add_option("MACHINE", *machine, "The machine's name, or its node's for all of them.")
      ->required()
      ->check(a_name())
      ->type_name("");
  set->add_option("ROLE", *role, "prompt, token or mixed.")
      ->required()
      ->check(CLI::IsMember({"prompt", "token", "mixed"}))
      ->type_name("");
  command->callback([=, &chosen] {
    chosen = [=] { return set->parsed() ? set_role(*server, *machine, *role) : show_roles(*server); };
  });
}

void add_drain(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command =
      app.add_subcommand("drain", "Give a node or a machine no new requests, and wait until it is empty.");
  command->footer(
      "Examples:\n  troupe drain token0                # then stop that node: nothing is lost and nothing computed "
      "twice\n"
      "  troupe drain token0 --undo         # it works again\n"
      "\nExit code 75 where it still has requests after --timeout.");
  auto server = add_server_flags(*command);
  auto name = std::make_shared<std::string>();
  auto undo = std::make_shared<bool>(false);
  auto timeout_s = std::make_shared<unsigned>(60);
  command->add_option("NAME", *name, "A node or a machine.")->required()->check(a_name())->type_name("");
  command->add_flag("--undo", *undo, "Let it take new requests again.");
  command->add_option("--timeout", *timeout_s, "Seconds to wait. Default: 60")
      ->check(CLI::Range(1u, 86400u))
      ->type_name("S");
  command->callback([=, &chosen] { chosen = [=] { return drain_machines(*server, *name, *undo, *timeout_s); }; });
}

}  // namespace troupe
