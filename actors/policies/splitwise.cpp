#include "actors/policies/splitwise.hpp"

#include "actors/policies/candidates.hpp"
#include "actors/policies/split_cost.hpp"

namespace troupe::policies {
namespace {

bool in_mixed_pool_for_prompts(const MachineView& m) {
  return m.role == Role::kMixed || (m.role == Role::kToken && m.pending_prompt_tokens > 0);
}

bool in_mixed_pool_for_tokens(const MachineView& m) {
  return m.role == Role::kMixed || (m.role == Role::kPrompt && m.pending_tokens > 0);
}

}  // namespace

bool Splitwise::has_prompt_room(const MachineView& machine) const {
  return machine.pending_prompt_tokens <= settings_.overflow_prompt_tokens;
}

bool Splitwise::has_kv_room(const RoutingSnapshot& snapshot, const MachineView& machine) const {
  if (!machine.kv_free) return true;
  return *machine.kv_free >= snapshot.prompt_tokens + machine.kv_positions * settings_.kv_reserve_percent / 100;
}

Splitwise::Choice Splitwise::choose_for_prompt(const RoutingSnapshot& snapshot) const {
  const auto with_room = [&](auto wanted) {
    return score_where(
        snapshot, [&](const MachineView& m) { return wanted(m) && has_prompt_room(m); }, queue);
  };
  auto prompts = with_room([](const MachineView& m) { return m.role == Role::kPrompt; });
  if (!prompts.empty()) return {best(prompts).machine, prompts, "prompt to the shortest queue of the prompt pool"};
  const std::string threshold = std::to_string(settings_.overflow_prompt_tokens);
  const std::string full = score(snapshot, Role::kPrompt, queue).empty()
                               ? "there is no prompt machine"
                               : "the prompt pool is past its threshold of " + threshold + " pending prompt tokens";
  auto mixed = with_room(in_mixed_pool_for_prompts);
  if (!mixed.empty()) return {best(mixed).machine, mixed, full + ": prompt to the mixed pool"};
  auto tokens = with_room([](const MachineView& m) { return m.role == Role::kToken; });
  if (!tokens.empty())
    return {best(tokens).machine, tokens,
            full + ", and the mixed pool has no room: a token machine is drawn in for the prompt"};
  auto everyone = score(snapshot, queue);
  return {
      best(everyone).machine, everyone,
      "every machine is past the threshold of " + threshold + " pending prompt tokens: prompt to the shortest queue"};
}

Splitwise::Choice Splitwise::choose_for_tokens(const RoutingSnapshot& snapshot) const {
  const auto with_room = [&](auto wanted) {
    return score_where(
        snapshot, [&](const MachineView& m) { return wanted(m) && has_kv_room(snapshot, m); }, queue);
  };
  auto tokens = with_room([](const MachineView& m) { return m.role == Role::kToken; });
  if (!tokens.empty()) return {best(tokens).machine, tokens, "tokens to the shortest queue of the token pool"};
  const auto pool = score(snapshot, Role::kToken, queue);
  const std::string full = pool.empty() ? "there is no token machine" : "the token pool has no room for the KV";
  auto mixed = with_room(in_mixed_pool_for_tokens);
  if (!mixed.empty()) return {best(mixed).machine, mixed, full + ": tokens to the mixed pool"};
  auto prompts = with_room([](const MachineView& m) { return m.role == Role::kPrompt; });
  if (!prompts.empty())
    return {best(prompts).machine, prompts,
            full + ", nor has the mixed pool: a prompt machine is drawn in for both phases"};
  auto others = pool.empty() ? score(snapshot, queue) : pool;
  return {best(others).machine, others, "no machine has room for the KV now: tokens to the shortest queue, to wait"};
}

RoutingDecision Splitwise::decide(const RoutingSnapshot& snapshot) {
  auto prompt = choose_for_prompt(snapshot);
  const auto& prompt_view = view_of(snapshot, prompt.machine);
  RoutingDecision decision;
  decision.policy = "splitwise";
  decision.prompt_machine = prompt.machine;
  decision.prompt_candidates = std::move(prompt.candidates);
  if (prompt_view.role != Role::kPrompt && has_kv_room(snapshot, prompt_view)) {
    decision.token_machine = decision.prompt_machine;
    decision.token_candidates = decision.prompt_candidates;
    decision.reason = prompt.why + "; the tokens too, as no KV travels then";
    return decision;
  }
  auto token = choose_for_tokens(snapshot);
  decision.token_machine = token.machine;
  decision.token_candidates = std::move(token.candidates);
  if (view_of(snapshot, token.machine).role == Role::kPrompt) {
    decision.prompt_machine = decision.token_machine;
    decision.prompt_candidates = decision.token_candidates;
    decision.reason = token.why;
    return decision;
  }
  decision.reason = prompt.why + "; " + token.why;
  if (settings_.split == Split::kWhenItPays && decision.prompt_machine != decision.token_machine)
    weigh(snapshot, decision);
  return decision;
}

void Splitwise::weigh(const RoutingSnapshot& snapshot, RoutingDecision& decision) const {
  const auto verdict = weigh_split(snapshot, view_of(snapshot, decision.prompt_machine),
                                   view_of(snapshot, decision.token_machine), settings_);
  decision.reason += "; " + verdict.why;
  if (verdict.pays || !has_prompt_room(view_of(snapshot, decision.token_machine))) return;
  // The prompt may as well run where it holds up fewer: a mixed machine that has room for both phases.
  auto alone = score_where(
      snapshot,
      [&](const MachineView& m) {
        return m.id == decision.token_machine ||
               (m.role == Role::kMixed && has_prompt_room(m) && has_kv_room(snapshot, m));
      },
      [&](const MachineView& m) { return seconds_alone(snapshot, m, verdict.prompt_tokens_per_s); });
  decision.prompt_machine = decision.token_machine = best(alone).machine;
  decision.reason += "; both phases on one machine";
  decision.prompt_candidates = decision.token_candidates = std::move(alone);
}

}  // namespace troupe::policies
