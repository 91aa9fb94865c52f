#include "actors/policies/slo_aware.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "actors/policies/candidates.hpp"

namespace troupe::policies {
namespace {

/// Tokens of a running sequence, over which a standstill is spread: answers of the Azure trace's conversations have 211
/// on the mean.
constexpr double kTokens = 200;
/// How sharply a prediction turns into a miss: at nine tenths of the objective one in twelve, at three quarters one in
/// four hundred. Predictions of queues are good; a softer curve gives up requests that would have been in time.
constexpr double kSharpness = 24;
/// Work out of a machine's role must save so much of a miss: what it costs in batches that are smaller for it, on a
/// machine that was bought for the other phase, shows only later.
constexpr double kOutOfRole = 0.3;
/// A request that is late anywhere is queued behind others that are late, but not behind more than so many objectives.
constexpr double kMostLate = 10;
/// Machines whose measured speeds are nearer to the usual than this are taken to be alike: what is measured has noise,
/// and whichever seemed the fastest would get everything.
constexpr double kUnlike = 0.3;
/// A sequence lengthens a step by this share of it at least. Where all that was seen ran alike many, the line through
/// it is flat; a sequence would seem to cost nothing, and the first of the machines would get them all.
constexpr double kLeastOfAStep = 1.0 / 128;
/// Before anything has been measured, only the order of queues counts, and these are as good as any.
constexpr double kUnmeasuredPromptTokensPerS = 5000;
constexpr double kUnmeasuredShareOfObjective = 0.25;

double seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

/// The chance of missing an objective when the prediction is so many times it. The small linear part tells apart what
/// is hopeless from what is more so, where the curve is flat.
double miss(double ratio) { return 1 / (1 + std::exp(-kSharpness * (ratio - 1))) + 1e-3 * ratio; }

/// What a mean gap of so many objectives costs a sequence. It rises up to the objective as the chance of a miss does,
/// and goes on from there as steeply. Were it flat past the objective, whatever is put on a machine that is too slow
/// would cost nothing more, and that machine would get everything until its memory is full.
double slow(double ratio) {
  const double past = kSharpness * (ratio - 1);
  return (past > 30 ? past : std::log1p(std::exp(past))) / 2 + 1e-3 * ratio;
}

DecodePace with_a_slope(DecodePace pace) {
  pace.per_sequence_s = std::max(pace.per_sequence_s, pace.step_s * kLeastOfAStep);
  return pace;
}

}  // namespace

SloAware::Speed SloAware::speed_of(const MachineView& machine) const {
  Speed speed = usual_;
  const auto differs = [](double own, double usual) { return std::abs(own - usual) > kUnlike * usual; };
  if (machine.prompt_tokens_per_s && differs(*machine.prompt_tokens_per_s, usual_.prompt_tokens_per_s))
    speed.prompt_tokens_per_s = *machine.prompt_tokens_per_s;
  const auto running = static_cast<double>(machine.running + 1);
  if (machine.pace && differs(machine.pace->gap_s(running), usual_.pace.gap_s(running)))
    speed.pace = with_a_slope(*machine.pace);
  return speed;
}

SloAware::Outlook SloAware::look(const RoutingSnapshot& snapshot, const MachineView& machine) const {
  const auto speed = speed_of(machine);
  const auto running = static_cast<double>(machine.running + machine.awaited);
  const double own_s = std::max(snapshot.prompt_tokens, 1) / speed.prompt_tokens_per_s;
  const double queue_s = static_cast<double>(machine.pending_prompt_tokens) / speed.prompt_tokens_per_s;
  const double chunk = std::max(settings_.prompt_tokens_beside_decodes, 1);
  const double tbt_s = seconds(settings_.slo.tbt);
  // Nobody could promise less than what the prompt takes alone.
  const double ttft_objective_s = std::max(seconds(settings_.slo.ttft), settings_.slo.ttft_slowdown * own_s);
  const auto late = [&](double first_s) { return miss(first_s / ttft_objective_s); };
  // The mean gap: a machine's pace, and the time for which prompts keep its sequences standing.
  const auto gap_s = [&](double sequences, double prompts_s) {
    return speed.pace.gap_s(sequences) + prompts_s / kTokens;
  };
  const double now = slow(gap_s(running, queue_s) / tbt_s);
  const auto others = [&](double then_s) { return running * (slow(then_s / tbt_s) - now); };

  Outlook outlook;
  outlook.machine = machine.id;
  outlook.role = machine.role;
  outlook.ttft_s = queue_s + own_s;
  // Where no prompt has run yet, its chunks will share their steps with decodes; a measured speed has that in it.
  if (!machine.prompt_tokens_per_s && machine.running > 0)
    outlook.ttft_s += speed.pace.gap_s(static_cast<double>(machine.running)) *
                      std::ceil(static_cast<double>(machine.pending_prompt_tokens + snapshot.prompt_tokens) / chunk);
  outlook.late_by = outlook.ttft_s / ttft_objective_s;
  outlook.prompt_cost = late(outlook.ttft_s) + others(gap_s(running, queue_s + own_s));

  outlook.gap_s = gap_s(running + 1, queue_s);
  outlook.token_cost = slow(outlook.gap_s / tbt_s) + others(outlook.gap_s);
  if (machine.role != Role::kToken) {
    // The prompts of its queue, and those that will come while the sequence lives, run in chunks beside it, each a
    // decode longer.
    const double slower_s = (static_cast<double>(machine.pending_prompt_tokens) + 2.0 * snapshot.prompt_tokens) /
                            chunk * (running > 0 ? speed.pace.per_sequence_s : speed.pace.gap_s(1));
    const double prompts = static_cast<double>(machine.pending_prompts) + 1 + kTokens * outlook.gap_s / own_s;
    outlook.token_cost += prompts * (late(queue_s + own_s + slower_s) - late(queue_s + own_s));
  }
  if (machine.kv_free) {
    const auto reserve = machine.kv_positions * settings_.kv_reserve_percent / 100;
    const auto lacks = std::max<std::int64_t>(0, snapshot.prompt_tokens + reserve - *machine.kv_free);
    outlook.kv_lacks =
        static_cast<double>(lacks) / static_cast<double>(std::max<std::int64_t>(machine.kv_positions, 1));
  }
  if (machine.role == Role::kToken) outlook.prompt_cost += kOutOfRole;
  if (machine.role == Role::kPrompt) outlook.token_cost += kOutOfRole;
  return outlook;
}

void SloAware::learn_usual(const RoutingSnapshot& snapshot) {
  double rates = 0, rated = 0, steps_s = 0, per_sequence_s = 0, paced = 0;
  for (const auto& machine : snapshot.machines) {
    if (machine.prompt_tokens_per_s) rates += *machine.prompt_tokens_per_s, ++rated;
    if (machine.pace) steps_s += machine.pace->step_s, per_sequence_s += machine.pace->per_sequence_s, ++paced;
  }
  usual_.prompt_tokens_per_s = rated > 0 ? rates / rated : kUnmeasuredPromptTokensPerS;
  const double guess_s = seconds(settings_.slo.tbt) * kUnmeasuredShareOfObjective;
  usual_.pace =
      with_a_slope(paced > 0 ? DecodePace{steps_s / paced, per_sequence_s / paced} : DecodePace{guess_s, guess_s / 64});
}

/// Where a request waits that is late anywhere: with the latest queue of the machines that run prompts, within bounds
/// and where there is memory.
const SloAware::Outlook* SloAware::among_the_late(const std::vector<Outlook>& outlooks) {
  const Outlook* latest = nullptr;
  for (const auto& each : outlooks)
    if (each.role != Role::kToken && each.kv_lacks == 0 && each.late_by <= kMostLate &&
        (!latest || each.late_by > latest->late_by))
      latest = &each;
  return latest;
}

RoutingDecision SloAware::decide(const RoutingSnapshot& snapshot) {
  learn_usual(snapshot);
  RoutingDecision decision;
  decision.policy = "slo_aware";
  std::vector<Outlook> outlooks;
  for (const auto& machine : snapshot.machines) {
    outlooks.push_back(look(snapshot, machine));
    decision.prompt_candidates.push_back({machine.id, outlooks.back().prompt_cost});
    decision.token_candidates.push_back({machine.id, outlooks.back().token_cost});
  }
  const auto least = [&](auto cost) {
    // What lacks memory comes last, however little it would cost: its requests wait for others to end, nobody knows how
    // long. Where all lack some, the one that lacks the least.
    return *std::min_element(outlooks.begin(), outlooks.end(), [&](const Outlook& a, const Outlook& b) {
      return a.kv_lacks != b.kv_lacks ? a.kv_lacks < b.kv_lacks : cost(a) < cost(b);
    });
  };
  auto prompt = least([](const Outlook& o) { return o.prompt_cost; });
  auto token = least([](const Outlook& o) { return o.token_cost; });
  const auto both = least([](const Outlook& o) { return o.prompt_cost + o.token_cost; });
  const auto* const late = prompt.late_by > 1 ? among_the_late(outlooks) : nullptr;
  if (late != nullptr) {
    prompt = *late;
  } else if (both.prompt_cost + both.token_cost <= prompt.prompt_cost + token.token_cost) {
    prompt = token = both;  // at the same cost nothing has to travel
  }
  decision.prompt_machine = prompt.machine;
  decision.token_machine = token.machine;
  const auto ms = [](double seconds) { return std::to_string(std::llround(1e3 * seconds)) + " ms"; };
  decision.reason =
      late != nullptr ? "late wherever it goes, so behind others that are" : "the fewest objectives missed";
  decision.reason += ": first token in " + ms(prompt.ttft_s) + " (objective " + ms(seconds(settings_.slo.ttft)) +
                     "), then one in " + ms(token.gap_s) + " (objective " + ms(seconds(settings_.slo.tbt)) + ")";
  return decision;
}

}  // namespace troupe::policies
