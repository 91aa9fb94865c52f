// Splitwise (Patel et al., ISCA 2024, section 4.1): join the shortest queue by pending tokens, prompt and token machine
// chosen at once; past a threshold, overflow to the mixed pool, then a machine of the opposite pool is drawn in.
//
// A machine that was drawn in belongs to the mixed pool as well for as long as it has work of the other kind, and
// leaves it by having none: nothing is drained, nothing is remembered. It is given new work of the other kind only
// while the pool whose work that is has no room.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class Splitwise final : public RoutingPolicy {
 public:
  explicit Splitwise(const RoutingSettings& settings = {}) : settings_(settings) {}
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;

 private:
  struct Choice {
    MachineId machine;
    std::vector<Candidate> candidates;
    std::string why;
  };

  Choice choose_for_prompt(const RoutingSnapshot& snapshot) const;
  Choice choose_for_tokens(const RoutingSnapshot& snapshot) const;
  /// Puts both phases on one machine where that costs less than a split.
  void weigh(const RoutingSnapshot& snapshot, RoutingDecision& decision) const;
  bool has_prompt_room(const MachineView& machine) const;
  bool has_kv_room(const RoutingSnapshot& snapshot, const MachineView& machine) const;

  RoutingSettings settings_;
};

}  // namespace troupe::policies
