#include "actors/policies/jsq_tokens.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision JsqTokens::decide(const RoutingSnapshot& snapshot) {
  return choose_by_role(snapshot, {"jsq_tokens", "the shortest queue in pending tokens"}, queue, best);
}

}  // namespace troupe::policies
