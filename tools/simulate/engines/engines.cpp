#include "tools/simulate/engines/engines.hpp"

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/policy_names.hpp"
#include "tools/simulate/cluster/production_engine.hpp"
#include "tools/simulate/splitwise_sim.hpp"

namespace troupe::simulate {

std::vector<std::string> policy_names() {
  auto names = kRoutingPolicyNames;
  names.insert(names.begin(), std::string(kSplitwiseSim));
  return names;
}

Result<Engine> find_engine(std::string_view policy) {
  if (policy == kSplitwiseSim) return Engine(run_splitwise_sim);
  const auto names = policy_names();
  if (std::find(names.begin(), names.end(), policy) != names.end()) return Engine(production_engine);
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  return Error{ErrorCode::kInvalidInput, "there is no policy \"" + std::string(policy.substr(0, 64)) + "\"" +
                                             did_you_mean(policy, names) + "; there are " + known + "."};
}

}  // namespace troupe::simulate
