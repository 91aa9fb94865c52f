#include "tools/simulate/engines.hpp"

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/did_you_mean.hpp"
#include "tools/simulate/production_engine.hpp"

namespace troupe::simulate {

std::vector<std::string> policy_names() {
  auto names = policies::routing_policy_names();
  names.emplace_back(kSplitwiseSim);
  return names;
}

Result<Engine> find_engine(std::string_view policy) {
  if (policy == kSplitwiseSim) return Engine(run_splitwise_sim);
  if (policies::make_routing_policy(policy).ok()) return Engine(production_engine);
  std::string known;
  const auto names = policy_names();
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  return Error{ErrorCode::kInvalidInput, "there is no policy \"" + std::string(policy.substr(0, 64)) + "\"" +
                                             did_you_mean(policy, names) + " to simulate; there are: " + known + "."};
}

}  // namespace troupe::simulate
