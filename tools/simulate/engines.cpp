#include "tools/simulate/engines.hpp"

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/policy_names.hpp"
#include "tools/simulate/production_engine.hpp"

namespace troupe::simulate {

std::vector<std::string> policy_names() {
  auto names = routing_policy_names();
  names.emplace_back(kSplitwiseSim);
  return names;
}

Result<Engine> find_engine(std::string_view policy) {
  if (policy == kSplitwiseSim) return Engine(run_splitwise_sim);
  const auto names = policy_names();
  // One with a slash is a library's path; the engine says what is wrong with it.
  const bool known = std::find(names.begin(), names.end(), policy) != names.end();
  if (known || policy.find('/') != std::string_view::npos) return Engine(production_engine);
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return Error{ErrorCode::kInvalidInput, "there is no policy \"" + std::string(policy.substr(0, 64)) + "\"" +
                                             did_you_mean(policy, names) + " to simulate; there are: " + list +
                                             ", and libraries by their path."};
}

}  // namespace troupe::simulate
