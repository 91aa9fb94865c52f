#include "actors/splitwise_sim/ledger.hpp"

#include <algorithm>

namespace troupe::splitwise_sim {

using simulation::RequestStatus;

Ledger::Ledger(caf::actor_config& config, std::shared_ptr<Account> account)
    : Actor(config),
      account_(std::move(account)),
      last_(account_->outcome.machines.size()),
      drawn_in_since_(account_->outcome.machines.size(), -1.0) {
  for (std::size_t i = 0; i < last_.size(); ++i) last_[i].memory = account_->weight_bytes[i];
}

LedgerActor::behavior_type Ledger::make_behavior() {
  return {
      [this](const PromptRan& ran) { on(ran); },
      [this](const RequestServed& served) { on(served); },
      [this](const MachineState& state) { on(state); },
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

void Ledger::on(const MachineState& state) {
  auto& last = last_[state.machine];
  auto& machine = account_->outcome.machines[state.machine];
  const double seconds = state.at - last.at;
  if (last.running > 0) machine.busy_s += seconds;
  if (last.prompts > 0) machine.prompt_busy_s += seconds;
  machine.steps += state.steps;
  machine.preemptions = state.preemptions;
  const auto kv = static_cast<double>(state.memory - account_->weight_bytes[state.machine]);
  machine.kv_peak_bytes = std::max(machine.kv_peak_bytes, kv);
  auto& series = account_->outcome.series;
  const auto change = [&](simulation::Series& of, double before, double after) {
    if (before != after) of.add(state.at, after - before);
  };
  change(series.running, last.running, state.running);
  change(series.prompts, last.prompts, state.prompts);
  change(series.waiting, last.waiting, state.waiting);
  change(series.kv_bytes, static_cast<double>(last.memory), static_cast<double>(state.memory));
  change(series.busy_machines, last.running > 0, state.running > 0);
  last = state;
  passed(state.at);
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
