// The command line of `troupe simulate`.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/hunt_command.hpp"
#include "tools/troupe/simulate.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe simulate --machines mixed:h100-80gb*40 --trace trace.csv\n"
    "  troupe simulate --machines prompt:h100-80gb*25,token:a100-80gb*26 --rate 70 --duration 120 --html report.html\n"
    "  troupe simulate cluster_configs/splitwise/ha.yaml --split iso_cost_coding --trace trace.csv\n"
    "  troupe simulate cluster_configs/splitwise/hh.yaml --sweep rate=50:150:10 --lengths trace.csv --duration 120\n"
    "  troupe simulate --machines mixed:h100-80gb*4 --trace trace.csv --requests-csv requests.csv --json summary.json\n"
    "  troupe simulate --faults --seeds 10000             # faults by the seed, invariants checked after each\n"
    "  troupe simulate --faults --seed 18 --trace-messages\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 bad trace or plan, 66 no such file, 70 internal, 78 bad scenario or hardware file";

void add_cluster_options(CLI::App& command, SimulateOptions& options) {
  command
      .add_option("config", options.config, "A scenario's file (machines, model, policy, objectives) or a cluster's.")
      ->type_name("FILE");
  command.add_option("--split", options.split, "Which of the file's splits; default: the first.")->type_name("NAME");
  command.add_option("--on", options.on, "The hardware by which a cluster's file is modelled.")->type_name("NAME");
  command
      .add_option("--machines", options.machines,
                  "ROLE:HARDWARE*COUNT with commas between; given more than once: a sweep over them.")
      ->type_name("LIST")
      ->allow_extra_args(false);
  command.add_option("--model", options.model, "What the machines serve; default: bloom-176b.")->type_name("NAME");
  command.add_option("--policy", options.policy, "Who decides; default: the file's, or splitwise_sim.")
      ->type_name("NAME");
  command
      .add_option("--performance-model", options.performance_model,
                  "Where step times come from: profile, profile_as_published, roofline or recorded.")
      ->type_name("NAME");
  command.add_option("--tensor-parallel", options.tensor_parallel, "GPUs that share the model; default: 8.")
      ->check(CLI::Range(1, 64));
  command
      .add_option("--hardware", options.hardware, "A file of machines and models, as cluster_configs/hardware.yaml.")
      ->type_name("FILE");
  command
      .add_option("--set", options.settings,
                  "A setting, as a cluster's file has it: slo.ttft=500ms, roles.policy=by_load.")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--seed", options.seed, "The same seed gives the same run.")->capture_default_str();
}

void add_load_options(CLI::App& command, SimulateOptions& options) {
  auto* trace = command.add_option("--trace", options.trace, "An Azure or Splitwise (CSV) or Mooncake (JSONL) trace.");
  trace->type_name("FILE");
  command.add_option("--num-requests", options.most_requests, "Only the first so many of the trace.")
      ->needs(trace)
      ->check(CLI::Range(1, 20'000'000));
  command.add_option("--rate", options.rate, "Requests a second; with --trace its times are stretched to it.")
      ->type_name("RATE");
  command.add_option("--duration", options.duration, "Seconds of a load that is made up.")->capture_default_str();
  command.add_option("--arrivals", options.arrivals, "poisson, gamma (bursts) or constant.")->capture_default_str();
  command.add_option("--burstiness", options.burstiness, "Of gamma: coefficient of variation of the gaps.")
      ->capture_default_str();
  command.add_option("--lengths", options.lengths, "Draw lengths from this trace.")->type_name("FILE");
  command.add_flag("--lengths-together", options.lengths_together,
                   "Draw prompt and answer from one row of it; default: each for itself.");
  command
      .add_option("--prompt-tokens", options.prompt_tokens, "Median and 90th percentile, log-normal; or one length.")
      ->expected(1, 2)
      ->type_name("TOKENS")
      ->delimiter(',');
  command.add_option("--output-tokens", options.output_tokens, "The same for answers.")
      ->expected(1, 2)
      ->type_name("TOKENS")
      ->delimiter(',');
}

}  // namespace

void add_simulate(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("simulate", "Play a load to a cluster of modelled machines.");
  command->footer(kExamples);
  auto options = std::make_shared<SimulateOptions>();
  add_cluster_options(*command, *options);
  add_load_options(*command, *options);
  command->add_option("--sweep", options->sweep, "rate=50:250:10 or prompt_machines=20:35:5; may be given twice.")
      ->type_name("WHAT")
      ->allow_extra_args(false);
  command->add_option("--jobs", options->jobs, "Runs of a sweep, or processes of a hunt, at once; default: one a core.")
      ->check(CLI::Range(1, 1024));
  command->add_option("--requests-csv", options->requests_csv, "Write a row a request.")->type_name("FILE");
  command->add_option("--json", options->json, "Write the summary as JSON.")->type_name("FILE");
  command->add_option("--html", options->html, "Write a report with plots.")->type_name("FILE");
  command->add_flag("--quiet", options->quiet, "Write no table.");
  auto hunt = std::make_shared<HuntOptions>();
  hunt->faults = false;
  add_hunt_flags(*command, *hunt);
  command->callback([options, hunt, command, &chosen] {
    chosen = [options, hunt, command] {
      if (hunt->faults || command->count("--seeds") > 0 || hunt->trace_messages) {
        if (command->count("--seed") > 0) hunt->seed = options->seed;
        hunt->jobs = static_cast<int>(options->jobs);
        return hunt_faults(*hunt);
      }
      options->command_line = "troupe simulate";
      for (const auto* const option : command->get_options())
        for (const auto& word : option->count() > 0 ? option->results() : std::vector<std::string>{})
          options->command_line += (option->get_positional() ? " " : " " + option->get_name() + " ") + word;
      return run_simulate(*options);
    };
  });
}

}  // namespace troupe
