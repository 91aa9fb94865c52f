#include "tools/troupe/simulate.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>

#include "tools/simulate/engines.hpp"
#include "tools/simulate/html_report.hpp"
#include "tools/simulate/requests_csv.hpp"
#include "tools/simulate/summary.hpp"
#include "tools/simulate/sweep.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/progress.hpp"

namespace troupe {
namespace {

/// A bar on stderr where that is a terminal, and nothing elsewhere.
class Bar {
 public:
  explicit Bar(bool quiet) : shown_(!quiet && ::isatty(STDERR_FILENO) == 1), progress_(true) {}
  ~Bar() {
    if (shown_) progress_.finish();
  }
  void show(const char* stage, std::size_t done, std::size_t all) {
    if (shown_) progress_.show(stage, all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 1);
  }

 private:
  bool shown_;
  Progress progress_;
};

Result<void> write_file(const std::string& path, const std::function<void(std::ostream&)>& write) {
  if (path.empty()) return {};
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (out) write(out);
  out.flush();
  if (!out) return Error{ErrorCode::kInvalidInput, path + ": cannot be written; is its folder there, and writable?"};
  return {};
}

Result<simulation::SimulationOutcome> run_plan(const simulate::SimulationPlan& plan,
                                               const simulate::ShowProgress& show) {
  TRY(engine, simulate::find_engine(plan.policy));
  return engine(plan, show);
}

Result<void> simulate_once(const SimulateOptions& options) {
  TRY(setup, set_up(options, options.machines.empty() ? "" : options.machines.front()));
  TRY(load, load_of(options, options.rate));
  setup.plan.load = std::move(load);
  auto outcome = [&] {
    Bar bar(options.quiet);
    return run_plan(setup.plan, [&](std::size_t ended, std::size_t all) { bar.show("simulating", ended, all); });
  }();
  if (!outcome.ok()) return outcome.error();
  const auto summary = simulate::summarise(setup.plan, *outcome, setup.slo);
  if (!options.quiet) std::cout << simulate::summary_text(summary) << std::flush;
  TRY_VOID(write_file(options.requests_csv, [&](std::ostream& out) { simulate::write_requests_csv(out, *outcome); }));
  TRY_VOID(write_file(options.json, [&](std::ostream& out) { out << simulate::summary_json(summary); }));
  return write_file(options.html,
                    [&](std::ostream& out) { out << simulate::html_report(summary, *outcome, options.command_line); });
}

/// The runs of a sweep: what each one's machines and rate are.
struct Run {
  Setup setup;
  std::optional<double> rate;
};

Result<std::vector<Run>> runs_of(const SimulateOptions& options) {
  std::vector<double> rates, prompt_machines;
  for (const auto& text : options.sweep) {
    TRY(axis, simulate::parse_sweep(text));
    auto& values = axis.kind == simulate::SweepAxis::Kind::kRate ? rates : prompt_machines;
    values.insert(values.end(), axis.values.begin(), axis.values.end());
  }
  auto machines = options.machines;
  if (machines.empty()) machines.emplace_back();
  std::vector<Setup> setups;
  for (const auto& each : machines) {
    TRY(setup, set_up(options, each));
    if (prompt_machines.empty()) setups.push_back(setup);
    for (const double prompt : prompt_machines) {
      TRY(groups, simulate::with_prompt_machines(setup.plan.machines, static_cast<std::int32_t>(prompt)));
      setups.push_back(setup);
      setups.back().plan.machines = std::move(groups);
    }
  }
  std::vector<Run> out;
  for (const auto& setup : setups) {
    if (rates.empty()) out.push_back({setup, options.rate});
    for (const double rate : rates) out.push_back({setup, rate});
  }
  if (out.size() > simulate::kMostRuns)
    return Error{ErrorCode::kInvalidInput,
                 "the sweep has " + std::to_string(out.size()) + " runs; there may be 10,000. Make its steps wider."};
  return out;
}

Result<void> simulate_many(const SimulateOptions& options) {
  if (!options.requests_csv.empty())
    return Error{ErrorCode::kInvalidInput, "--requests-csv is for one run; leave out --sweep, or give one --machines."};
  TRY(runs, runs_of(options));
  const auto jobs =
      options.jobs > 0 ? options.jobs : static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  Bar bar(options.quiet);
  auto figures = simulate::run_in_processes(
      runs.size(), jobs,
      [&](std::size_t place) -> Result<simulate::SweepFigures> {
        Run run = runs[place];
        TRY(load, load_of(options, run.rate));
        run.setup.plan.load = std::move(load);
        TRY(outcome, run_plan(run.setup.plan, {}));
        return simulate::sweep_figures(simulate::summarise(run.setup.plan, outcome, run.setup.slo));
      },
      [&](std::size_t done) { bar.show("sweeping", done, runs.size()); });
  if (!figures.ok()) return figures.error();
  std::vector<simulate::SweepPoint> points;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const double rate = runs[i].rate.value_or(figures->at(i).offered_per_s);
    points.push_back({simulate::to_string(runs[i].setup.plan.machines), rate, figures->at(i)});
  }
  if (!options.quiet) std::cout << simulate::sweep_text(points) << std::flush;
  TRY_VOID(write_file(options.json, [&](std::ostream& out) { out << simulate::sweep_json(points); }));
  return write_file(options.html,
                    [&](std::ostream& out) { out << simulate::html_sweep(points, options.command_line); });
}

}  // namespace

int run_simulate(const SimulateOptions& options) {
  const bool many = !options.sweep.empty() || options.machines.size() > 1;
  const auto done = many ? simulate_many(options) : simulate_once(options);
  return done.ok() ? static_cast<int>(kExitOk) : fail(done.error());
}

}  // namespace troupe
