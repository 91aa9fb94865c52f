#include "actors/policies/routing_policy.hpp"

#include <algorithm>

#include "actors/policies/aggregated.hpp"
#include "actors/policies/jsq_tokens.hpp"
#include "actors/policies/least_loaded.hpp"
#include "actors/policies/power_of_two.hpp"
#include "actors/policies/random.hpp"
#include "actors/policies/registry.hpp"
#include "actors/policies/round_robin.hpp"
#include "actors/policies/slo_aware.hpp"
#include "actors/policies/splitwise.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {
namespace {

using Table = Registry<RoutingPolicy>;

const Table& table() {
  static const Table table(routing_policy_names(), {
                                                       {"splitwise", Table::make<Splitwise>},
                                                       {"round_robin", Table::make<RoundRobin>},
                                                       {"random", Table::make<Random>},
                                                       {"least_loaded", Table::make<LeastLoaded>},
                                                       {"jsq_tokens", Table::make<JsqTokens>},
                                                       {"power_of_two", Table::make<PowerOfTwo>},
                                                       {"aggregated", Table::make<Aggregated>},
                                                       {"slo_aware", Table::make<SloAware>},
                                                   });
  return table;
}

}  // namespace

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

Result<std::unique_ptr<RoutingPolicy>> make_routing_policy(std::string_view name, const RoutingSettings& settings) {
  return table().make_named(name, settings);
}

}  // namespace troupe::policies
