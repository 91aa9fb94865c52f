#include "tools/simulate/cluster/ledger.hpp"

#include <algorithm>
#include <string>

namespace troupe::simulate {

using simulation::RequestStatus;

Ledger::Ledger(const workload::Load& load, std::vector<simulation::MachineOutcome> machines,
               std::vector<policies::Role> roles)
    : prompt_done_(load.size(), -1), last_came_(load.size(), -1) {
  outcome_.machines = std::move(machines);
  for (const auto role : roles) machines_.push_back({role});
  outcome_.requests.reserve(load.size());
  for (const auto& arrival : load) {
    auto& row = outcome_.requests.emplace_back();
    row.id = arrival.id;
    row.prompt_tokens = arrival.prompt_tokens;
    row.output_tokens = arrival.output_tokens;
    row.arrival_s = std::chrono::duration<double>(arrival.at).count();
  }
}

void Ledger::routed(RequestId id, const policies::RoutingDecision& decision) {
  auto& row = request(place_of(id));
  row.prompt_machine = static_cast<std::int32_t>(decision.prompt_machine.value);
  row.token_machine = static_cast<std::int32_t>(decision.token_machine.value);
}

void Ledger::let_steps_end(double now) {
  auto& series = outcome_.series;
  for (; !ends_.empty() && ends_.top().at <= now; ends_.pop()) {
    const auto& end = ends_.top();
    series.running.add(end.at, -static_cast<double>(end.sequences));
    series.prompts.add(end.at, -static_cast<double>(end.prompts));
    series.busy_machines.add(end.at, -1);
  }
}

void Ledger::seen_at(std::size_t place, bool away, double now) {
  auto& machine = machines_[place];
  if (machine.away == away) return;
  machine.away = away;
  outcome_.series.mixed_machines.add(now, away ? 1 : -1);
  if (away) {
    ++outcome_.pool_moves;
    machine.away_since = now;
  } else {
    ++outcome_.pool_returns;
    outcome_.machines[place].mixed_pool_s += now - machine.away_since;
  }
}

void Ledger::step_began(std::size_t place, const device::Step& step, const device::StepWork& work, double now,
                        double takes) {
  let_steps_end(now);
  auto& machine = machines_[place];
  auto& row = outcome_.machines[place];
  ++row.steps;
  row.busy_s += takes;
  if (work.prompts > 0) row.prompt_busy_s += takes;
  row.prompt_tokens += work.prompt_tokens;
  row.output_tokens += work.decodes;
  auto& series = outcome_.series;
  series.running.add(now, static_cast<double>(work.prompts + work.decodes));
  series.prompts.add(now, static_cast<double>(work.prompts));
  series.busy_machines.add(now, 1);
  ends_.push({now + takes, work.prompts + work.decodes, work.prompts});
  if (machine.role != policies::Role::kMixed)
    seen_at(place, machine.role == policies::Role::kPrompt ? work.decodes > 0 : work.prompts > 0, now);
  for (const auto& sequence : step.sequences) {
    const bool prompt = sequence.tokens.size() > 1 || sequence.generated == 0;
    if (prompt && sequence.sample) ++row.output_tokens;
    if (prompt && sequence.generated > 0 && sequence.first_position == 0) {
      ++request(place_of(sequence.request)).preemptions;
      ++row.preemptions;
    }
    if (prompt || sequence.generated != 1) continue;
    const auto at = place_of(sequence.request);
    if (request(at).second_token_gap_s < 0 && prompt_done_[at] >= 0)
      request(at).second_token_gap_s = now - prompt_done_[at];
  }
}

void Ledger::role_changed(std::size_t place, policies::Role role, const std::string& why, double now) {
  seen_at(place, false, now);  // what it is away from is another role from now on
  machines_[place].role = role;
  outcome_.role_changes.push_back({now, static_cast<std::int32_t>(place), policies::to_string(role), why});
}

void Ledger::first_token(Place place, double prompt_began, double now) {
  auto& row = request(place);
  row.queue_s = prompt_began - row.arrival_s;
  row.ttft_s = now - row.arrival_s;
  prompt_done_[place] = last_came_[place] = now;
}

void Ledger::next_token(Place place, double now) {
  outcome_.gaps.add(now - last_came_[place]);
  last_came_[place] = now;
}

void Ledger::ended(Place place, RequestStatus status) {
  ++ended_;
  request(place).status = status;
}

void Ledger::wrong_text(RequestId id) {
  if (wrong_++ == 0)
    outcome_.notes.push_back("Request " + std::to_string(request(place_of(id)).id) +
                             " got another text than its prompt calls for: KV was lost or mixed up. This is a bug of "
                             "Troupe's; the same command shows it again.");
}

void Ledger::kv_in_use(std::size_t machine, double bytes) {
  machines_[machine].kv_bytes = bytes;
  auto& row = outcome_.machines[machine];
  row.kv_peak_bytes = std::max(row.kv_peak_bytes, bytes);
}

void Ledger::beat(double now, double waiting) {
  let_steps_end(now);
  double bytes = 0;
  for (const auto& machine : machines_) bytes += machine.kv_bytes;
  outcome_.series.kv_bytes.set(now, bytes);
  outcome_.series.waiting.set(now, waiting);
}

simulation::SimulationOutcome Ledger::close(double now) {
  // The last step's end is a sum, and may be rounded to just after now.
  constexpr double kRounding = 1e-9;
  let_steps_end(now + kRounding);
  for (std::size_t place = 0; place < machines_.size(); ++place)
    if (machines_[place].away) outcome_.machines[place].mixed_pool_s += now - machines_[place].away_since;
  auto& series = outcome_.series;
  for (auto* const each : {&series.running, &series.prompts, &series.waiting, &series.kv_bytes, &series.mixed_machines,
                           &series.busy_machines})
    each->finish(now + kRounding);
  outcome_.end_s = now;
  return std::move(outcome_);
}

}  // namespace troupe::simulate
