// The shorter queue of two machines that are drawn by lot (Mitzenmacher, TPDS 2001): nearly as even as the shortest of
// all, and of use where looking at all of them costs too much or what is known of them is late.
#pragma once

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/random.hpp"

namespace troupe::policies {

class PowerOfTwo final : public RoutingPolicy {
 public:
  explicit PowerOfTwo(const RoutingSettings& settings = {}) : draws_(settings.seed) {}
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;

 private:
  RandomStream draws_;
};

}  // namespace troupe::policies
