// The machine with the fewest requests, counted whatever their length.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class LeastLoaded final : public RoutingPolicy {
 public:
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;
};

}  // namespace troupe::policies
