// Both phases of a request on one machine, whatever its role, the one with the shortest queue in pending tokens: a
// cluster without phase splitting, as of vLLM servers behind a balancer. Its prompts run in chunks beside the decodes
// (scheduling.prompt_tokens_beside_decodes). The baseline that splitting is to be compared with, on mixed machines.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class Aggregated final : public RoutingPolicy {
 public:
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;
};

}  // namespace troupe::policies
