#include "actors/splitwise_sim/ledger.hpp"

#include <algorithm>

namespace troupe::splitwise_sim {

using simulation::RequestStatus;

Ledger::Ledger(caf::actor_config& config, std::shared_ptr<Account> account)
    : Actor(config), account_(std::move(account)), drawn_in_since_(account_->outcome.machines.size(), -1.0) {}

LedgerActor::behavior_type Ledger::make_behavior() {
  return {
      [this](const PromptRan& ran) { on(ran); },
      [this](const RequestServed& served) { on(served); },
      [this](const MachineHistory& history) { on(history); },
      [this](const PoolsChanged& changed) { on(changed); },
  };
}

void Ledger::passed(double at) { account_->outcome.end_s = std::max(account_->outcome.end_s, at); }

void Ledger::on(const PromptRan& ran) {
  auto& request = account_->outcome.requests[ran.request];
  request.prompt_machine = static_cast<std::int32_t>(ran.machine);
  request.queue_s = ran.started - request.arrival_s;
  request.ttft_s = ran.ended - request.arrival_s;
  auto& machine = account_->outcome.machines[ran.machine];
  machine.prompt_tokens += request.prompt_tokens;
  machine.output_tokens += 1;
  passed(ran.ended);
}

void Ledger::on(const RequestServed& served) {
  auto& request = account_->outcome.requests[served.request];
  request.token_machine = static_cast<std::int32_t>(served.machine);
  request.e2e_s = served.ended - request.arrival_s;
  request.second_token_gap_s = served.tokens_started - served.prompt_done;
  request.transfer_s = served.transferred - served.prompt_done;
  request.preemptions = served.preemptions;
  request.status = RequestStatus::kFinished;
  account_->outcome.machines[served.machine].output_tokens += request.output_tokens - 1;
  ++account_->ended;
  passed(served.ended);
}

void Ledger::on(const MachineHistory& history) {
  auto& machine = account_->outcome.machines[history.machine];
  auto& series = account_->outcome.series;
  const std::int64_t weights = account_->weight_bytes[history.machine];
  machine.steps += history.steps;
  machine.preemptions = history.preemptions;
  for (const Stretch& stretch : history.stretches) {
    const double seconds = stretch.to - stretch.from;
    if (stretch.running > 0) machine.busy_s += seconds;
    if (stretch.prompts > 0) machine.prompt_busy_s += seconds;
    const auto kv = static_cast<double>(stretch.memory - weights);
    machine.kv_peak_bytes = std::max(machine.kv_peak_bytes, kv);
    series.running.add_over(stretch.from, stretch.to, stretch.running);
    series.prompts.add_over(stretch.from, stretch.to, stretch.prompts);
    series.waiting.add_over(stretch.from, stretch.to, stretch.waiting);
    series.kv_bytes.add_over(stretch.from, stretch.to, kv);
    series.busy_machines.add_over(stretch.from, stretch.to, stretch.running > 0);
    passed(stretch.to);
  }
}

void Ledger::on(const PoolsChanged& changed) {
  auto& outcome = account_->outcome;
  double& since = drawn_in_since_[changed.machine];
  ++(changed.drawn_in ? outcome.pool_moves : outcome.pool_returns);
  outcome.series.mixed_machines.add(changed.at, changed.drawn_in ? 1 : -1);
  if (!changed.drawn_in) outcome.machines[changed.machine].mixed_pool_s += changed.at - since;
  since = changed.drawn_in ? changed.at : -1.0;
}

}  // namespace troupe::splitwise_sim
