// Join the shortest queue, counted in tokens that are pending, of the machines whose role the phase is: what Splitwise
// does while no pool is full, without what it does when one is.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class JsqTokens final : public RoutingPolicy {
 public:
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;
};

}  // namespace troupe::policies
