// The flags that `serve`, `run` and `check` share, as values for the configuration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/config/load.hpp"

namespace CLI {
class App;
}

namespace troupe {

struct ServeFlags {
  std::string model;
  std::string config_file;
  std::vector<config::FlagValue> values;
};

/// Adds --config, a flag for each setting that is often given by hand, and --set KEY=VALUE for all the others. The
/// result fills while the command line is parsed.
std::shared_ptr<ServeFlags> add_serve_flags(CLI::App& command);

/// The configuration of the flags, the environment and the file together; what is noteworthy about it goes to stderr.
Result<config::Loaded> load_settings(const ServeFlags& flags);

}  // namespace troupe
