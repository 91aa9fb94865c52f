// Puts a configuration together: flag before environment before file before default, and remembers where each value
// came from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/serve_config.hpp"

namespace troupe::config {

/// One value given on the command line: `flag` is how messages name it ("--port").
struct FlagValue {
  std::string key;  ///< "http.port"
  std::string value;
  std::string flag;
};

struct Sources {
  std::string file;  ///< empty: none
  /// Names and values; those that are TROUPE_ and a key in capitals with _ for each dot count, others are passed over.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<FlagValue> flags;  ///< a later one for the same key wins
  bool require_model = true;     ///< whether a missing model.path is a mistake
};

/// One key of a loaded configuration, for `check --explain`.
struct Setting {
  std::string key;
  std::string value;
  std::string source;  ///< "default", "serve.yaml:3:9", "TROUPE_HTTP_PORT" or "--port"
  std::string default_value;
  std::string help;
};

struct Loaded {
  ServeConfig config;
  std::vector<Setting> settings;   ///< every key, in the table's order
  std::vector<std::string> notes;  ///< what is likely a slip but no error: a TROUPE_ variable that is nearly a key
};

/// Errors: kMissingInput for a file that is not there, else kConfig with every mistake found, 20 at most. Relative
/// paths in the file are resolved against its folder, those in flags and variables against the working directory.
Result<Loaded> load(const Sources& sources);

/// The variables of this process that start with TROUPE_.
std::vector<std::pair<std::string, std::string>> process_environment();

/// Every key with its default and help as a commented YAML file; cluster_configs/serve.yaml holds the same keys,
/// defaults and words.
std::string commented_defaults();

}  // namespace troupe::config
