#include "actors/policies/slo_aware.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "actors/policies/candidates.hpp"

namespace troupe::policies {
namespace {

/// Tokens that a sequence is taken to have yet to make, whichever it is: conversations of the Azure trace make 129 on
/// the median (Splitwise, figure 3), and one that is met at random has made half of them.
constexpr double kTokensLeft = 64;
/// How sharply a prediction turns into a miss: at three quarters of the objective one in twenty, at half one in four
/// hundred.
constexpr double kSharpness = 12;
/// Work out of a machine's role must save this much of a miss, so that pools stay what their operator made them while
/// nothing is at stake.
constexpr double kOutOfRole = 0.05;
/// Before anything has been measured, only the order of queues counts, and these are as good as any.
constexpr double kUnmeasuredPromptTokensPerS = 5000;
constexpr double kUnmeasuredShareOfObjective = 0.25;

double seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

/// The chance of missing an objective when the prediction is so many times it. The small linear part tells apart what
/// is hopeless from what is more so, where the curve is flat.
double miss(double ratio) { return 1 / (1 + std::exp(-kSharpness * (ratio - 1))) + 1e-3 * ratio; }

}  // namespace

SloAware::Speed SloAware::speed_of(const MachineView& machine) const {
  return {machine.prompt_tokens_per_s.value_or(usual_.prompt_tokens_per_s), machine.pace.value_or(usual_.pace)};
}

SloAware::Outlook SloAware::look(const RoutingSnapshot& snapshot, const MachineView& machine) const {
  const auto speed = speed_of(machine);
  const auto running = static_cast<double>(machine.running + machine.awaited);
  const double own_s = snapshot.prompt_tokens / speed.prompt_tokens_per_s;
  const double queue_s = static_cast<double>(machine.pending_prompt_tokens) / speed.prompt_tokens_per_s;
  const double tbt_s = seconds(settings_.slo.tbt);
  // Nobody could promise less than what the prompt takes alone.
  const double ttft_objective_s = std::max(seconds(settings_.slo.ttft), 2 * own_s);

  Outlook outlook;
  outlook.machine = machine.id;
  outlook.role = machine.role;
  outlook.ttft_s = queue_s + own_s;
  // Where no prompt has run yet, its chunks will share their steps with decodes; a measured speed has that in it.
  if (!machine.prompt_tokens_per_s && machine.running > 0)
    outlook.ttft_s += speed.pace.gap_s(static_cast<double>(machine.running)) *
                      std::ceil(static_cast<double>(machine.pending_prompt_tokens + snapshot.prompt_tokens) /
                                std::max(settings_.prompt_tokens_beside_decodes, 1));

  const auto gap_s = [&](double sequences, double prompts_s) {
    return speed.pace.gap_s(sequences) + prompts_s / kTokensLeft;
  };
  const double now_s = gap_s(running, queue_s);
  const auto others = [&](double then_s) { return running * (miss(then_s / tbt_s) - miss(now_s / tbt_s)); };
  outlook.prompt_cost = miss(outlook.ttft_s / ttft_objective_s) + others(gap_s(running, queue_s + own_s));
  outlook.gap_s = gap_s(running + 1, queue_s);
  outlook.token_cost = miss(outlook.gap_s / tbt_s) + others(outlook.gap_s);
  const auto reserve = machine.kv_positions * settings_.kv_reserve_percent / 100;
  if (machine.kv_free && *machine.kv_free < snapshot.prompt_tokens + reserve) {
    // Its first token will wait for memory, nobody knows how long: surely a miss, and the longer the more wait already.
    const auto short_of = static_cast<double>(snapshot.prompt_tokens + reserve - *machine.kv_free);
    outlook.token_cost += 1 + short_of / static_cast<double>(std::max<std::int64_t>(machine.kv_positions, 1));
  }
  if (machine.role == Role::kToken) outlook.prompt_cost += kOutOfRole;
  if (machine.role == Role::kPrompt) outlook.token_cost += kOutOfRole;
  return outlook;
}

RoutingDecision SloAware::decide(const RoutingSnapshot& snapshot) {
  double rates = 0, rated = 0, steps_s = 0, per_sequence_s = 0, paced = 0;
  for (const auto& machine : snapshot.machines) {
    if (machine.prompt_tokens_per_s) rates += *machine.prompt_tokens_per_s, ++rated;
    if (machine.pace) steps_s += machine.pace->step_s, per_sequence_s += machine.pace->per_sequence_s, ++paced;
  }
  usual_.prompt_tokens_per_s = rated > 0 ? rates / rated : kUnmeasuredPromptTokensPerS;
  const double guess_s = seconds(settings_.slo.tbt) * kUnmeasuredShareOfObjective;
  usual_.pace = paced > 0 ? DecodePace{steps_s / paced, per_sequence_s / paced} : DecodePace{guess_s, guess_s / 64};

  RoutingDecision decision;
  decision.policy = "slo_aware";
  std::vector<Outlook> outlooks;
  for (const auto& machine : snapshot.machines) {
    outlooks.push_back(look(snapshot, machine));
    decision.prompt_candidates.push_back({machine.id, outlooks.back().prompt_cost});
    decision.token_candidates.push_back({machine.id, outlooks.back().token_cost});
  }
  const auto least = [&](auto cost) {
    return *std::min_element(outlooks.begin(), outlooks.end(),
                             [&](const Outlook& a, const Outlook& b) { return cost(a) < cost(b); });
  };
  const auto prompt = least([](const Outlook& o) { return o.prompt_cost; });
  const auto token = least([](const Outlook& o) { return o.token_cost; });
  const auto both = least([](const Outlook& o) { return o.prompt_cost + o.token_cost; });
  // At the same cost nothing has to travel.
  const bool alone = both.prompt_cost + both.token_cost <= prompt.prompt_cost + token.token_cost;
  decision.prompt_machine = alone ? both.machine : prompt.machine;
  decision.token_machine = alone ? both.machine : token.machine;
  char reason[256];
  std::snprintf(reason, sizeof reason,
                "the fewest objectives missed%s: first token in %.0f ms (objective %lld ms), then one in %.1f ms "
                "(objective %lld ms)",
                alone ? ", both phases on one machine" : "", 1e3 * (alone ? both : prompt).ttft_s,
                static_cast<long long>(settings_.slo.ttft.count()), 1e3 * (alone ? both : token).gap_s,
                static_cast<long long>(settings_.slo.tbt.count()));
  decision.reason = reason;
  return decision;
}

}  // namespace troupe::policies
