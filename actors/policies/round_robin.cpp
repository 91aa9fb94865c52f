#include "actors/policies/round_robin.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision RoundRobin::decide(const RoutingSnapshot& snapshot) {
  const auto nothing = [](const MachineView&) { return 0.0; };
  const auto prompts = score_where(
      snapshot, [](const MachineView& m) { return m.role != Role::kToken; }, nothing);
  RoutingDecision decision;
  decision.policy = "round_robin";
  decision.reason = "the next in turn";
  decision.prompt_candidates = prompts.empty() ? score(snapshot, nothing) : prompts;
  decision.prompt_machine = decision.prompt_candidates[turn_ % decision.prompt_candidates.size()].machine;
  const auto chosen = std::find_if(snapshot.machines.begin(), snapshot.machines.end(),
                                   [&](const MachineView& m) { return m.id == decision.prompt_machine; });
  const auto tokens = score(snapshot, Role::kToken, nothing);
  if (chosen->role == Role::kPrompt && !tokens.empty()) {
    decision.token_candidates = tokens;
    decision.token_machine = tokens[turn_ % tokens.size()].machine;
  } else {
    decision.token_candidates = decision.prompt_candidates;
    decision.token_machine = decision.prompt_machine;
  }
  ++turn_;
  return decision;
}

}  // namespace troupe::policies
