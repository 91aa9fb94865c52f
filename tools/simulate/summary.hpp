// What a run comes to: the figures of the table, of the JSON and of the report, from one place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/simulation/outcome.hpp"
#include "tools/simulate/percentiles.hpp"
#include "tools/simulate/plan.hpp"
#include "tools/simulate/slo.hpp"

namespace troupe::simulate {

/// Machines of one role on one hardware.
struct RoleSummary {
  std::string role;
  std::string hardware;
  std::int64_t machines = 0;
  double busy = 0;         ///< share of the time with a step under way
  double prompt_busy = 0;  ///< share of the time in steps with a prompt
  double mixed_pool = 0;   ///< share of the time away in the mixed pool
  double kv_peak = 0;      ///< largest share of a machine's KV memory
  std::int64_t preemptions = 0;
};

/// One machine, shares as in RoleSummary.
struct MachineSummary {
  std::string name, role;
  double busy = 0, prompt_busy = 0, kv_peak = 0;
  std::int64_t steps = 0, prompt_tokens = 0, output_tokens = 0, preemptions = 0;
};

struct Summary {
  std::string policy, model, machines, performance_model;
  std::size_t requests = 0, finished = 0;
  double seconds = 0;  ///< virtual, from 0 to the last thing that happened
  TbtRule tbt_rule = TbtRule::kPerGap;
  Distribution ttft, tbt, e2e, queue, second_token, transfer;  ///< seconds, of finished requests
  /// Between each token and the next, whichever request it is of; TBT is each request's mean. None: not counted.
  std::optional<Distribution> gaps;
  std::optional<SloReport> slo;  ///< none where the reference machine was not measured with this model
  std::string slo_reference;
  double offered_per_s = 0;   ///< requests/s over the load's own time
  double finished_per_s = 0;  ///< over all the time
  double good_per_s = 0;      ///< within the P99 limits of all three metrics
  double prompt_tokens_per_s = 0, output_tokens_per_s = 0;
  std::vector<RoleSummary> roles;
  std::vector<MachineSummary> each_machine;
  std::int64_t pool_moves = 0, pool_returns = 0, preemptions = 0;
  std::vector<simulation::RoleChange> role_changes;
  double price_per_hour = 0, dollars = 0, dollars_per_million_output_tokens = 0;
  double power_w = 0;    ///< rated, of all machines
  double energy_wh = 0;  ///< at rated power
  std::uint64_t events = 0;
  std::vector<std::string> notes;
};

Summary summarise(const SimulationPlan& plan, const simulation::SimulationOutcome& outcome, const SloTargets& slo);

/// The block for a terminal, with its line ends.
std::string summary_text(const Summary& summary);
/// One JSON object and a line end; times in seconds.
std::string summary_json(const Summary& summary);

}  // namespace troupe::simulate
