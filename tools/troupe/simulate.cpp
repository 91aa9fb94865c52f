#include <memory>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/hunt_command.hpp"

namespace troupe {

void add_simulate(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command =
      app.add_subcommand("simulate", "Hunt for faults in a simulated cluster of the production actors.");
  command->footer(
      "Examples:\n"
      "  troupe simulate --seeds 10000 --faults            # invariants are checked after each seed\n"
      "  troupe simulate --seed 18 --faults --trace-messages");
  auto options = std::make_shared<HuntOptions>();
  options->faults = false;
  add_hunt_flags(*command, *options);
  command->callback([options, &chosen] { chosen = [options] { return hunt_faults(*options); }; });
}

}  // namespace troupe
