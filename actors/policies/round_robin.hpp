// Each pool's machines in turn, whatever they have to do: the baseline that others are compared with.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class RoundRobin final : public RoutingPolicy {
 public:
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;

 private:
  std::uint64_t turn_ = 0;
};

}  // namespace troupe::policies
