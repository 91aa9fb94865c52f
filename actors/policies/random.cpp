#include "actors/policies/random.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision Random::decide(const RoutingSnapshot& snapshot) {
  return choose_by_role(
      snapshot, {"random", "drawn by lot"}, [](const MachineView&) { return 0.0; },
      [this](const std::vector<Candidate>& all) -> const Candidate& { return all[draws_.below(all.size())]; });
}

}  // namespace troupe::policies
