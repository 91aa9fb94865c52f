#include "actors/policies/round_robin.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision RoundRobin::decide(const RoutingSnapshot& snapshot) {
  const auto turn = turn_++;
  return choose_by_role(
      snapshot, {"round_robin", "the next in turn"}, [](const MachineView&) { return 0.0; },
      [turn](const std::vector<Candidate>& all) -> const Candidate& { return all[turn % all.size()]; });
}

}  // namespace troupe::policies
