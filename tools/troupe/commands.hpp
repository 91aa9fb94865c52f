// The subcommands of `troupe`. Each adds itself to the command line and, when it is the one given, sets `chosen` to
// what runs it and returns the exit code. Its examples are its footer, which the help prints first.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace troupe {

void add_serve(CLI::App& app, std::function<int()>& chosen);
void add_node(CLI::App& app, std::function<int()>& chosen);
void add_up(CLI::App& app, std::function<int()>& chosen);
void add_roles(CLI::App& app, std::function<int()>& chosen);
void add_drain(CLI::App& app, std::function<int()>& chosen);
void add_run(CLI::App& app, std::function<int()>& chosen);
void add_certs(CLI::App& app, std::function<int()>& chosen);
void add_check(CLI::App& app, std::function<int()>& chosen);
void add_status(CLI::App& app, std::function<int()>& chosen);
void add_request(CLI::App& app, std::function<int()>& chosen);
void add_blocks(CLI::App& app, std::function<int()>& chosen);
void add_doctor(CLI::App& app, std::function<int()>& chosen);
void add_schema(CLI::App& app, std::function<int()>& chosen);
void add_simulate(CLI::App& app, std::function<int()>& chosen);
void add_version(CLI::App& app, std::function<int()>& chosen);

}  // namespace troupe
