#include "actors/policies/aggregated.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision Aggregated::decide(const RoutingSnapshot& snapshot) {
  RoutingDecision decision;
  decision.policy = "aggregated";
  decision.reason = "both phases on the machine with the shortest queue";
  decision.prompt_candidates = decision.token_candidates = score(snapshot, queue);
  decision.prompt_machine = decision.token_machine = best(decision.prompt_candidates).machine;
  return decision;
}

}  // namespace troupe::policies
