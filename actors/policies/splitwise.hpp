// Splitwise (Patel et al., ISCA 2024, section 4.1): join the shortest queue by pending tokens, prompt and token machine
// chosen at once; past a threshold of pending prompt tokens, overflow to the mixed pool.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class Splitwise final : public RoutingPolicy {
 public:
  /// Pending prompt tokens on the best prompt machine past which the mixed pool is tried: 8192, as the authors'
  /// simulator has it (configs/orchestrator_repo/schedulers/mixed_pool.yml); the paper names no value.
  static constexpr std::int64_t kOverflowTokens = 8192;

  RoutingDecision decide(const RoutingSnapshot& snapshot) override;
};

}  // namespace troupe::policies
