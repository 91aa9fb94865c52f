#include "tools/simulate/engines.hpp"

#include "runtime/base/did_you_mean.hpp"

namespace troupe::simulate {

std::vector<std::string> policy_names() { return {std::string(kSplitwiseSim)}; }

Result<Engine> find_engine(std::string_view policy) {
  if (policy == kSplitwiseSim) return Engine(run_splitwise_sim);
  std::string known;
  const auto names = policy_names();
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  return Error{ErrorCode::kInvalidInput, "there is no policy \"" + std::string(policy.substr(0, 64)) + "\"" +
                                             did_you_mean(policy, names) + " to simulate; there is " + known + "."};
}

}  // namespace troupe::simulate
