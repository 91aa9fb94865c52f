#include "tools/simulate/summary.hpp"

#include <algorithm>
#include <map>

#include "tools/simulate/engines.hpp"

namespace troupe::simulate {
namespace {

using simulation::RequestStatus;

void add_latencies(Summary& out, const simulation::SimulationOutcome& outcome) {
  std::vector<double> ttft, tbt, e2e, queue, second, transfer;
  for (const auto& request : outcome.requests) {
    if (request.status != RequestStatus::kFinished) continue;
    ttft.push_back(request.ttft_s);
    e2e.push_back(request.e2e_s);
    queue.push_back(request.queue_s);
    if (request.output_tokens > 1) {
      tbt.push_back(time_between_tokens(request, out.tbt_rule));
      second.push_back(request.second_token_gap_s);
    }
    if (request.prompt_machine != request.token_machine) transfer.push_back(request.transfer_s);
  }
  out.finished = ttft.size();
  out.ttft = distribution_of(std::move(ttft));
  out.tbt = distribution_of(std::move(tbt));
  if (outcome.gaps.count() > 0) out.gaps = distribution_of(outcome.gaps);
  out.e2e = distribution_of(std::move(e2e));
  out.queue = distribution_of(std::move(queue));
  out.second_token = distribution_of(std::move(second));
  out.transfer = distribution_of(std::move(transfer));
}

void add_roles(Summary& out, const simulation::SimulationOutcome& outcome) {
  std::map<std::pair<std::string, std::string>, RoleSummary> roles;
  const double all = std::max(outcome.end_s, 1e-9);
  for (const auto& machine : outcome.machines) {
    const double kv_peak = machine.kv_capacity_bytes > 0 ? machine.kv_peak_bytes / machine.kv_capacity_bytes : 0;
    out.each_machine.push_back({machine.name, machine.role, machine.busy_s / all, machine.prompt_busy_s / all, kv_peak,
                                machine.steps, machine.prompt_tokens, machine.output_tokens, machine.preemptions});
    auto& role = roles[{machine.role, machine.hardware}];
    role.role = machine.role;
    role.hardware = machine.hardware;
    ++role.machines;
    role.busy += machine.busy_s / all;
    role.prompt_busy += machine.prompt_busy_s / all;
    role.mixed_pool += machine.mixed_pool_s / all;
    role.kv_peak = std::max(role.kv_peak, kv_peak);
    role.preemptions += machine.preemptions;
    out.preemptions += machine.preemptions;
  }
  for (auto& [key, role] : roles) {
    const auto count = static_cast<double>(role.machines);
    role.busy /= count;
    role.prompt_busy /= count;
    role.mixed_pool /= count;
    out.roles.push_back(role);
  }
}

void add_rates(Summary& out, const SimulationPlan& plan, const simulation::SimulationOutcome& outcome) {
  double prompt_tokens = 0, output_tokens = 0;
  for (const auto& machine : outcome.machines) {
    prompt_tokens += static_cast<double>(machine.prompt_tokens);
    output_tokens += static_cast<double>(machine.output_tokens);
  }
  const double all = std::max(outcome.end_s, 1e-9);
  out.seconds = outcome.end_s;
  const double load_s = std::chrono::duration<double>(plan.load.back().at).count();
  out.offered_per_s = load_s > 0 ? static_cast<double>(plan.load.size()) / load_s : 0;
  out.finished_per_s = static_cast<double>(out.finished) / all;
  out.good_per_s = out.slo ? out.slo->within * static_cast<double>(out.requests) / all : 0;
  out.prompt_tokens_per_s = prompt_tokens / all;
  out.output_tokens_per_s = output_tokens / all;
  for (const auto& group : plan.machines) {
    out.price_per_hour += group.hardware.price_per_hour * group.count;
    out.power_w += group.hardware.power_w * group.count;
  }
  const double hours = outcome.end_s / 3600;
  out.dollars = out.price_per_hour * hours;
  out.energy_wh = out.power_w * hours;
  out.dollars_per_million_output_tokens = output_tokens > 0 ? out.dollars / output_tokens * 1e6 : 0;
}

}  // namespace

Summary summarise(const SimulationPlan& plan, const simulation::SimulationOutcome& outcome, const SloTargets& slo) {
  Summary out;
  out.policy = plan.policy;
  out.model = plan.model.name;
  out.machines = to_string(plan.machines);
  out.performance_model = plan.performance_model;
  out.requests = outcome.requests.size();
  out.tbt_rule = plan.policy == kSplitwiseSim ? TbtRule::kPerToken : TbtRule::kPerGap;
  add_latencies(out, outcome);
  const auto reference = perf::built_in_catalogue().find_hardware(slo.reference);
  if (reference.ok()) {
    const auto curves = perf::find_curves(perf::built_in_profile(), {*reference, plan.model, plan.tensor_parallel});
    if (curves.ok()) out.slo = check_slos(outcome.requests, *curves, slo.limits, out.tbt_rule);
  }
  out.slo_reference = slo.reference;
  add_roles(out, outcome);
  add_rates(out, plan, outcome);
  out.pool_moves = outcome.pool_moves;
  out.pool_returns = outcome.pool_returns;
  out.role_changes = outcome.role_changes;
  out.events = outcome.events;
  out.notes = outcome.notes;
  return out;
}

}  // namespace troupe::simulate
