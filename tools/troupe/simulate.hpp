// `troupe simulate`: what was asked for, and what runs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/workload/arrival.hpp"
#include "runtime/workload/generate.hpp"
#include "tools/simulate/plan.hpp"
#include "tools/simulate/slo.hpp"

namespace troupe {

struct SimulateOptions {
  std::string config;                 ///< a scenario's file or a cluster's; what else is given beats what it says
  std::string on;                     ///< hardware by which a cluster's file is modelled
  std::string split;                  ///< of the file
  std::vector<std::string> machines;  ///< more than one: a sweep over them
  std::string model, policy, performance_model;
  std::optional<std::int32_t> tensor_parallel;
  std::vector<std::string> settings;  ///< "key=value"
  std::string hardware;               ///< a catalogue's file
  std::uint64_t seed = 0;

  std::string trace;
  std::size_t most_requests = 20'000'000;
  std::optional<double> rate;  ///< requests/s; with a trace its times are stretched to it
  double duration = 60;        ///< seconds, of a load that is made up
  std::string arrivals = "poisson";
  double burstiness = 3;
  std::string lengths;  ///< a trace whose lengths are drawn from
  bool lengths_together = false;
  std::vector<double> prompt_tokens{1020, 3000}, output_tokens{129, 400};  ///< median, 90th percentile

  std::vector<std::string> sweep;
  std::size_t jobs = 0;  ///< 0: as many as there are cores
  std::string requests_csv, json, html;
  bool quiet = false;
  std::string command_line;  ///< for the report
};

/// A plan without its load, and the objectives that it is measured by. Errors say what was wrong and what to do.
struct Setup {
  simulate::SimulationPlan plan;
  simulate::SloTargets slo;
};
Result<Setup> set_up(const SimulateOptions& options, const std::string& machines);

/// The load: a trace, stretched to the rate where one is given, or one that is made up.
Result<workload::Load> load_of(const SimulateOptions& options, std::optional<double> rate);

/// Runs it: the table goes to stdout, files where they were asked for, everything else to stderr. Returns the exit
/// code.
int run_simulate(const SimulateOptions& options);

}  // namespace troupe
