// Scoring machines: what most routing policies are made of.
#pragma once

#include <algorithm>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/check.hpp"

namespace troupe::policies {

/// A candidate for each machine for which `wanted` holds, in the snapshot's order; `scorer(machine)` is a double, lower
/// is better.
template <class Wanted, class Scorer>
std::vector<Candidate> score_where(const RoutingSnapshot& snapshot, Wanted wanted, Scorer scorer) {
  std::vector<Candidate> candidates;
  for (const auto& machine : snapshot.machines)
    if (wanted(machine)) candidates.push_back({machine.id, scorer(machine)});
  return candidates;
}

template <class Scorer>
std::vector<Candidate> score(const RoutingSnapshot& snapshot, Role role, Scorer scorer) {
  return score_where(
      snapshot, [role](const MachineView& m) { return m.role == role; }, scorer);
}

template <class Scorer>
std::vector<Candidate> score(const RoutingSnapshot& snapshot, Scorer scorer) {
  return score_where(
      snapshot, [](const MachineView&) { return true; }, scorer);
}

/// The lowest score; among equals the first. There must be one.
inline const Candidate& best(const std::vector<Candidate>& candidates) {
  CHECK(!candidates.empty());
  return *std::min_element(candidates.begin(), candidates.end(),
                           [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
}

}  // namespace troupe::policies
