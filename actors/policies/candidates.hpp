// Scoring machines and choosing among them: what most routing policies are made of.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/check.hpp"

namespace troupe::policies {

/// A candidate for each machine for which `wanted` holds, in the snapshot's order; `scorer(machine)` is a double, lower
/// is better.
template <class Wanted, class Scorer>
std::vector<Candidate> score_where(const RoutingSnapshot& snapshot, Wanted wanted, Scorer scorer) {
  std::vector<Candidate> candidates;
  candidates.reserve(snapshot.machines.size());
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

/// The machine of that id, which the snapshot must have.
inline const MachineView& view_of(const RoutingSnapshot& snapshot, MachineId id) {
  const auto found = std::find_if(snapshot.machines.begin(), snapshot.machines.end(),
                                  [&](const MachineView& m) { return m.id == id; });
  CHECK(found != snapshot.machines.end(), id);
  return *found;
}

/// A queue's length: tokens pending, whichever phase they wait for.
inline double queue(const MachineView& m) { return static_cast<double>(m.pending_prompt_tokens + m.pending_tokens); }

/// A name and a sentence for those who ask why.
struct Label {
  std::string policy;
  std::string reason;
};

/// Each phase on a machine whose role it is: `pick(candidates)` gives the one for the prompt, of those that run
/// prompts; the tokens stay there where its role allows, as no KV travels then, and go to a second pick among those
/// that generate tokens where it does not. A pool without machines leaves the phase to all the others.
template <class Scorer, class Pick>
RoutingDecision choose_by_role(const RoutingSnapshot& snapshot, Label label, Scorer scorer, Pick pick) {
  RoutingDecision decision;
  decision.policy = std::move(label.policy);
  decision.reason = std::move(label.reason);
  decision.prompt_candidates = score_where(
      snapshot, [](const MachineView& m) { return m.role != Role::kToken; }, scorer);
  if (decision.prompt_candidates.empty()) decision.prompt_candidates = score(snapshot, scorer);
  decision.token_machine = decision.prompt_machine = pick(decision.prompt_candidates).machine;
  decision.token_candidates = decision.prompt_candidates;
  if (view_of(snapshot, decision.prompt_machine).role != Role::kPrompt) return decision;
  auto tokens = score_where(
      snapshot, [](const MachineView& m) { return m.role != Role::kPrompt; }, scorer);
  if (tokens.empty()) return decision;
  decision.token_machine = pick(tokens).machine;
  decision.token_candidates = std::move(tokens);
  return decision;
}

}  // namespace troupe::policies
