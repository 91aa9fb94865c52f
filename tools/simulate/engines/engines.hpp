// Which engine runs a plan, by its policy's name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/simulate/plan.hpp"

namespace troupe::simulate {

/// The names that find_engine knows: splitwise_sim, and every routing policy of the production actors.
std::vector<std::string> policy_names();

/// kInvalidInput with the names there are, and the nearest one.
Result<Engine> find_engine(std::string_view policy);

}  // namespace troupe::simulate
