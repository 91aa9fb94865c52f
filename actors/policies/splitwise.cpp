#include "actors/policies/splitwise.hpp"

#include "actors/policies/candidates.hpp"

namespace troupe::policies {

RoutingDecision Splitwise::decide(const RoutingSnapshot& snapshot) {
  const auto prompt_queue = [](const MachineView& m) { return static_cast<double>(m.pending_prompt_tokens); };
  const auto token_queue = [](const MachineView& m) { return static_cast<double>(m.pending_tokens); };
  const auto all_pending = [](const MachineView& m) {
    return static_cast<double>(m.pending_prompt_tokens + m.pending_tokens);
  };

  const auto prompts = score(snapshot, Role::kPrompt, prompt_queue);
  const auto tokens = score(snapshot, Role::kToken, token_queue);
  const auto mixed = score(snapshot, Role::kMixed, all_pending);

  RoutingDecision decision;
  decision.policy = "splitwise";
  const bool pools = !prompts.empty() && !tokens.empty();
  const bool overflow = pools && best(prompts).score > static_cast<double>(kOverflowTokens) && !mixed.empty();
  if (pools && !overflow) {
    decision.prompt_machine = best(prompts).machine;
    decision.token_machine = best(tokens).machine;
    decision.prompt_candidates = prompts;
    decision.token_candidates = tokens;
    decision.reason = "shortest queues of the prompt and the token pool, by pending tokens";
    return decision;
  }
  if (!mixed.empty()) {
    decision.prompt_machine = decision.token_machine = best(mixed).machine;
    decision.prompt_candidates = decision.token_candidates = mixed;
    decision.reason = overflow ? "the prompt pool is past its threshold of pending tokens: overflow to the mixed pool"
                               : "shortest queue of the mixed pool, by pending tokens";
    return decision;
  }
  // A pool is empty and nothing is mixed: any machine can do either kind of work.
  const auto everyone = score(snapshot, all_pending);
  decision.prompt_machine = decision.token_machine = best(everyone).machine;
  decision.prompt_candidates = decision.token_candidates = everyone;
  decision.reason = "one pool is empty: shortest queue of the other, by pending tokens";
  return decision;
}

}  // namespace troupe::policies
