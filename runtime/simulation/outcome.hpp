// What a simulation answers, whichever engine ran it: one row a request, one a machine, and the series that a report
// draws. Times are virtual; none comes from a wall clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/simulation/log_histogram.hpp"
#include "runtime/simulation/series.hpp"

namespace troupe::simulation {

/// How a request ended.
enum class RequestStatus : std::uint8_t {
  kFinished,
  kUnfinished,  ///< still queued or running when nothing more could happen
  kRefused,     ///< no machine could ever serve it, or admission said no
  kFailed,      ///< a machine, a link or a deadline ended it
};

/// "finished", "unfinished", "refused", "failed".
const char* to_string(RequestStatus status);

/// One request, in the order of arrival. Of one that did not finish, times that it did not reach are negative.
struct RequestOutcome {
  std::int64_t id = 0;  ///< the trace's
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  double arrival_s = 0;
  double queue_s = -1;               ///< from arrival to the first step with its prompt
  double ttft_s = -1;                ///< from arrival to the first token
  double e2e_s = -1;                 ///< from arrival to the last token
  double second_token_gap_s = -1;    ///< from the end of its prompt to the start of its first decode step
  double transfer_s = 0;             ///< that its KV took from machine to machine; 0 where it stayed
  std::int32_t prompt_machine = -1;  ///< place in SimulationOutcome::machines; -1: none
  std::int32_t token_machine = -1;
  std::int32_t preemptions = 0;  ///< how often its running decode was set aside
  RequestStatus status = RequestStatus::kUnfinished;
};

/// One machine over the whole run.
struct MachineOutcome {
  std::string name;          ///< as the requests' table shows it: "h100-80gb_0"
  std::string role;          ///< "prompt", "token" or "mixed": what it was given as
  std::string hardware;      ///< a name of the hardware catalogue
  double busy_s = 0;         ///< with a step under way
  double prompt_busy_s = 0;  ///< of that, in steps with a prompt in them
  double mixed_pool_s = 0;   ///< spent in the mixed pool without being at home there
  std::int64_t steps = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t preemptions = 0;
  double kv_capacity_bytes = 0;
  double kv_peak_bytes = 0;
};

/// What happened over time, summed over all machines (Series::mean_at says how to read one).
struct ClusterSeries {
  Series running;         ///< sequences in a step
  Series prompts;         ///< prompts in a step
  Series waiting;         ///< tasks that wait
  Series kv_bytes;        ///< KV in use
  Series mixed_machines;  ///< machines in the mixed pool without being at home there
  Series busy_machines;   ///< machines with a step under way
};

/// The role policy gave a machine another role.
struct RoleChange {
  double at_s = 0;
  std::int32_t machine = 0;  ///< place in SimulationOutcome::machines
  std::string role;          ///< as MachineOutcome::role
  std::string why;           ///< one sentence
};

struct SimulationOutcome {
  std::vector<RequestOutcome> requests;
  std::vector<MachineOutcome> machines;
  ClusterSeries series;
  /// Between each token of a request and the next, as its client gets them; empty where the engine counts no single
  /// tokens (splitwise_sim, whose times are those of whole requests).
  LogHistogram gaps;
  double end_s = 0;                ///< when the last thing happened
  std::int64_t pool_moves = 0;     ///< machines taken into the mixed pool
  std::int64_t pool_returns = 0;   ///< and back home
  std::uint64_t events = 0;        ///< that the engine handled
  std::vector<std::string> notes;  ///< sentences that a reader of the table should know

  /// In the order of time.
  std::vector<RoleChange> role_changes = {};
};

}  // namespace troupe::simulation
