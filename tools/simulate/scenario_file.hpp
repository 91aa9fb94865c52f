// A scenario's file: a cluster of modelled machines with a name, its splits, and the objectives it is measured by, as
// cluster_configs/splitwise/*.yaml have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/simulate/slo.hpp"

namespace troupe::simulate {

struct ScenarioFile {
  std::string name;
  std::string model;
  std::string policy;
  std::string performance_model;  ///< empty: the engine's own choice
  std::int32_t tensor_parallel = 8;
  /// What each split calls its machines; the first is taken unless another is asked for.
  std::vector<std::pair<std::string, std::string>> splits;
  SloTargets slo;

  /// The machines of a split; of the first where `split` is empty. kInvalidInput with the names there are.
  Result<std::string> machines_of(std::string_view split) const;
};

/// kConfig with line and column, and what was expected.
Result<ScenarioFile> parse_scenario(std::string_view text, const std::string& file);
Result<ScenarioFile> read_scenario(const std::string& path);

}  // namespace troupe::simulate
