// The names of the policies that Troupe is built with, in the order in which people are shown them. Configuration
// checks words against these lists, the tables beside the policies (actors/policies/*_policy.cpp) make what they name:
// neither may include the other, and a test holds them together.
#pragma once

#include <string>
#include <vector>

namespace troupe {

/// Of `scheduling.policy`: to which machines a request goes. The first is the default.
inline const std::vector<std::string> kRoutingPolicyNames = {
    "splitwise", "round_robin", "random", "least_loaded", "jsq_tokens", "power_of_two", "aggregated", "slo_aware",
};

/// Of `roles.policy`: what machines are for.
inline const std::vector<std::string> kRolePolicyNames = {"fixed", "by_load"};

}  // namespace troupe
