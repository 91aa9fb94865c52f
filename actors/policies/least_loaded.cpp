#include "actors/policies/least_loaded.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision LeastLoaded::decide(const RoutingSnapshot& snapshot) {
  const auto requests = [](const MachineView& m) { return static_cast<double>(m.pending_prompts + m.running); };
  const auto prompts = score_where(
      snapshot, [](const MachineView& m) { return m.role != Role::kToken; }, requests);
  RoutingDecision decision;
  decision.policy = "least_loaded";
  decision.reason = "fewest requests waiting or running";
  decision.prompt_candidates = prompts.empty() ? score(snapshot, requests) : prompts;
  decision.prompt_machine = best(decision.prompt_candidates).machine;
  const auto chosen = std::find_if(snapshot.machines.begin(), snapshot.machines.end(),
                                   [&](const MachineView& m) { return m.id == decision.prompt_machine; });
  const auto tokens = score(snapshot, Role::kToken, requests);
  const bool split = chosen->role == Role::kPrompt && !tokens.empty();
  decision.token_candidates = split ? tokens : decision.prompt_candidates;
  decision.token_machine = split ? best(tokens).machine : decision.prompt_machine;
  return decision;
}

}  // namespace troupe::policies
