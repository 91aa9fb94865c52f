// `troupe simulate`: a load, a cluster of modelled machines and a policy, under a virtual clock.
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "runtime/workload/read_trace.hpp"
#include "tools/simulate/cluster/production_engine.hpp"
#include "tools/simulate/engines.hpp"
#include "tools/simulate/requests_csv.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe simulate --machines mixed:h100-80gb*40 --trace trace.csv\n"
    "  troupe simulate --machines prompt:h100-80gb*25,token:a100-80gb*26 --model bloom-176b --trace trace.csv\n"
    "  troupe simulate --machines mixed:h100-80gb*4 --trace trace.csv --requests-csv requests.csv\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 bad trace or plan, 66 no such file, 78 bad hardware file";

struct SimulateOptions {
  std::string machines;
  std::string model = "bloom-176b";
  std::string policy{simulate::kSplitwiseSim};
  std::string performance_model;
  std::string trace;
  std::string requests_csv;
  std::int32_t tensor_parallel = 8;
  std::size_t most_requests = 20'000'000;
};

Result<simulate::SimulationPlan> plan_of(const SimulateOptions& options) {
  simulate::SimulationPlan plan;
  const auto& catalogue = perf::built_in_catalogue();
  TRY(machines, simulate::parse_machines(options.machines, catalogue));
  TRY(model, catalogue.find_model(options.model));
  TRY(load, workload::read_trace_file(options.trace, options.most_requests));
  plan.machines = std::move(machines);
  plan.model = std::move(model);
  plan.policy = options.policy;
  plan.performance_model = options.performance_model;
  plan.tensor_parallel = options.tensor_parallel;
  plan.load = std::move(load);
  return plan;
}

Result<void> write_file(const std::string& path, const std::function<void(std::ostream&)>& write) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (out) write(out);
  out.flush();
  if (!out) return Error{ErrorCode::kInvalidInput, path + ": cannot be written; is its folder there, and writable?"};
  return {};
}

Result<void> simulate_once(const SimulateOptions& options) {
  TRY(plan, plan_of(options));
  simulate::Engine engine = simulate::production_engine;
  if (plan.policy == simulate::kSplitwiseSim) engine = simulate::run_splitwise_sim;
  TRY(outcome, engine(plan, {}));
  if (!options.requests_csv.empty())
    TRY_VOID(write_file(options.requests_csv, [&](std::ostream& out) { simulate::write_requests_csv(out, outcome); }));
  return {};
}

}  // namespace

void add_simulate(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("simulate", "Play a load to a cluster of modelled machines.");
  command->footer(kExamples);
  auto options = std::make_shared<SimulateOptions>();
  command->add_option("--machines", options->machines, "ROLE:HARDWARE*COUNT, with commas between.")
      ->type_name("LIST")
      ->required();
  command->add_option("--model", options->model, "What the machines serve.")->type_name("NAME")->capture_default_str();
  command->add_option("--policy", options->policy, "Who decides.")->type_name("NAME")->capture_default_str();
  command->add_option("--performance-model", options->performance_model, "Where step times come from.")
      ->type_name("NAME");
  command->add_option("--tensor-parallel", options->tensor_parallel, "GPUs of a machine that share the model.")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--trace", options->trace, "An Azure or Splitwise (CSV) or Mooncake (JSONL) trace.")
      ->type_name("FILE")
      ->required();
  command->add_option("--requests-csv", options->requests_csv, "Write a row a request.")->type_name("FILE");
  command->callback([options, &chosen] {
    chosen = [options] {
      const auto done = simulate_once(*options);
      return done.ok() ? static_cast<int>(kExitOk) : fail(done.error());
    };
  });
}

}  // namespace troupe
