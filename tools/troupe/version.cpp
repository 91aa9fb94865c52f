#include "tools/troupe/version.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/version.hpp>
#include <caf/config.hpp>
#include <nlohmann/json.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

std::string dotted(long major, long minor, long patch) {
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

int print_version(bool json) {
  const std::string caf = dotted(CAF_VERSION / 10000, CAF_VERSION / 100 % 100, CAF_VERSION % 100);
  const std::string boost = dotted(BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
  const std::string compiler = dotted(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  if (json) {
    std::cout << nlohmann::ordered_json{{"version", kVersion},
                                        {"compiler", "gcc " + compiler},
                                        {"caf", caf},
                                        {"boost", boost}}
                     .dump(2)
              << "\n";
  } else {
    std::cout << "troupe " << kVersion << " (gcc " << compiler << ", CAF " << caf << ", Boost " << boost << ")\n";
  }
  return kExitOk;
}

}  // namespace

void add_version(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("version", "Print the version and what it was built with.");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON.");
  command->footer("Examples:\n  troupe version\n  troupe version --json");
  command->callback([json, &chosen] { chosen = [json] { return print_version(*json); }; });
}

}  // namespace troupe
