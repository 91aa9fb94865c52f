#include "actors/policies/least_loaded.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision LeastLoaded::decide(const RoutingSnapshot& snapshot) {
  return choose_by_role(
      snapshot, {"least_loaded", "fewest requests waiting or running"},
      [](const MachineView& m) { return static_cast<double>(m.pending_prompts + m.running); }, best);
}

}  // namespace troupe::policies
