#include "actors/policies/routing_policy.hpp"

#include "actors/policies/least_loaded.hpp"
#include "actors/policies/round_robin.hpp"
#include "actors/policies/splitwise.hpp"
#include "runtime/base/did_you_mean.hpp"

namespace troupe::policies {

const char* to_string(Role role) {
  switch (role) {
    case Role::kPrompt:
      return "prompt";
    case Role::kToken:
      return "token";
    case Role::kMixed:
      return "mixed";
  }
  return "unknown";
}

std::vector<std::string> routing_policy_names() { return {"splitwise", "round_robin", "least_loaded"}; }

Result<std::unique_ptr<RoutingPolicy>> make_routing_policy(std::string_view name, const RoutingSettings& settings) {
  if (name == "splitwise") return std::unique_ptr<RoutingPolicy>(std::make_unique<Splitwise>(settings));
  if (name == "round_robin") return std::unique_ptr<RoutingPolicy>(std::make_unique<RoundRobin>());
  if (name == "least_loaded") return std::unique_ptr<RoutingPolicy>(std::make_unique<LeastLoaded>());
  std::string known;
  for (const auto& each : routing_policy_names()) known += (known.empty() ? "" : ", ") + each;
  return Error{ErrorCode::kConfig, "There is no routing policy \"" + std::string(name) + "\"" +
                                       did_you_mean(name, routing_policy_names()) + "; there are: " + known + "."};
}

}  // namespace troupe::policies
