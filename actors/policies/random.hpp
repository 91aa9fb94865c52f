// A machine of each pool by lot, whatever it has to do: what the other policies have to beat.
#pragma once

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/random.hpp"

namespace troupe::policies {

class Random final : public RoutingPolicy {
 public:
  explicit Random(const RoutingSettings& settings = {}) : draws_(settings.seed) {}
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;

 private:
  RandomStream draws_;
};

}  // namespace troupe::policies
