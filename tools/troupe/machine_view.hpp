// The machines of a cluster as /troupe/status tells of them, for commands that look at a few of their fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace CLI {
class Validator;
}

namespace troupe {

struct MachineLine {
  std::string name;
  std::string node;
  std::string role;
  std::string state;  ///< "serving", "draining", "lost"
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t held = 0;    ///< KV blocks
  std::string home_role{};  ///< what its operator made it
  std::int64_t role_for_s = 0;
  std::string role_why{};  ///< it is something else; may be empty
};

/// kInvalidInput for what is no status of a Troupe server.
Result<std::vector<MachineLine>> machine_lines(const std::string& status_json);

/// A table for people.
std::string roles_table(const std::vector<MachineLine>& machines);

/// For names of machines and nodes on the command line: they are put into a path as they are.
CLI::Validator a_name();

}  // namespace troupe
