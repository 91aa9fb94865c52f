#include "actors/policies/power_of_two.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision PowerOfTwo::decide(const RoutingSnapshot& snapshot) {
  return choose_by_role(snapshot, {"power_of_two", "the shorter queue of two drawn by lot"}, queue,
                        [this](const std::vector<Candidate>& all) -> const Candidate& {
                          const auto first = draws_.below(all.size());
                          if (all.size() == 1) return all[first];
                          // Of the others, so that it is two different ones.
                          const auto second = (first + 1 + draws_.below(all.size() - 1)) % all.size();
                          return all[second].score < all[first].score ? all[second] : all[first];
                        });
}

}  // namespace troupe::policies
