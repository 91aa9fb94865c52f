// The command line of `troupe bench`.
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tools/troupe/bench.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe bench                                       # 100 requests at once to http://127.0.0.1:8000\n"
    "  troupe bench --max-concurrency 8 --num-prompts 200 --input-len 512 --output-len 64 --ignore-eos\n"
    "  troupe bench --request-rate 4 --goodput ttft:500 tpot:50\n"
    "  troupe bench --trace conversation_trace.jsonl --num-prompts 500 --clip-input 2048\n"
    "  troupe bench --extra-body '{\"return_token_ids\": true}'    # count each token, not each piece of text\n"
    "  troupe bench --url https://host:8443 --endpoint chat --json > result.json\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 bad trace, 66 no such trace, 69 server unreachable or refusing, 130 interrupted";

const std::map<std::string, BenchEndpoint> kEndpoints{{"completions", BenchEndpoint::kCompletions},
                                                      {"chat", BenchEndpoint::kChat}};

/// CLI11's own check for positive numbers refuses infinity.
std::string above_zero(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && value > 0 ? std::string() : "expected a number above 0, or inf";
}

std::string json_object(const std::string& text) {
  return nlohmann::json::parse(text, nullptr, false).is_object()
             ? std::string()
             : R"(expected a JSON object, such as '{"return_token_ids": true}')";
}

void add_load_options(CLI::App& command, BenchOptions& options) {
  const CLI::Range count(1, 10'000'000);
  command.add_option("--num-prompts", options.num_prompts, "How many requests; default: 100, or all of the trace.")
      ->check(count);
  command
      .add_option("--request-rate", options.request_rate,
                  "Requests a second, as a Poisson process, or inf: all at once.")
      ->type_name("RATE")
      ->check(above_zero)
      ->default_str("inf");
  command.add_option("--max-concurrency,--concurrency", options.max_concurrency, "Most requests under way at once.")
      ->check(count);
  command.add_option("--input-len", options.input_len, "Tokens of each prompt.")->check(count)->capture_default_str();
  command.add_option("--output-len", options.output_len, "Most tokens of each answer.")
      ->check(count)
      ->capture_default_str();
  command.add_flag("--ignore-eos", options.ignore_eos, "Let every answer have its full length.");
  command.add_option("--seed", options.seed, "The same seed gives the same prompts and times.")->capture_default_str();
  command.add_option("--vocab-size", options.vocabulary, "Prompts are token ids below this.")
      ->check(count)
      ->capture_default_str();
  command.add_option("--temperature", options.temperature, "Default: 0.")->check(CLI::Range(0.0, 2.0));
  command
      .add_option("--extra-body", options.extra_body,
                  "Members to add to each request. Texts come in whole characters, so that a piece may hold several "
                  "tokens; servers that know return_token_ids send each by itself then.")
      ->type_name("JSON")
      ->check(json_object);
  auto* trace = command.add_option("--trace", options.trace,
                                   "An Azure LLM (CSV) or Mooncake (JSONL) trace: times and lengths come from it.");
  trace->type_name("FILE");
  command.add_option("--time-scale", options.time_scale, "Multiplies the trace's times: 0.5 is twice as fast.")
      ->needs(trace)
      ->check(CLI::NonNegativeNumber);
  command.add_option("--clip-input", options.clip_input, "Shortens the trace's prompts to this many tokens.")
      ->needs(trace)
      ->check(count);
  command.add_option("--clip-output", options.clip_output, "Shortens the trace's answers to this many tokens.")
      ->needs(trace)
      ->check(count);
  for (const char* name : {"--request-rate", "--input-len", "--output-len"}) command.get_option(name)->excludes(trace);
}

}  // namespace

void add_bench(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("bench", "Measure any OpenAI-style server under load.");
  command->footer(kExamples);
  auto options = std::make_shared<BenchOptions>();
  command->add_option("--url", options->url, "Where the server is.")->type_name("URL")->capture_default_str();
  command->add_option("--model", options->model, "Default: the first that the server lists.")->type_name("NAME");
  command->add_option("--endpoint", options->endpoint, "completions (token ids) or chat (words).")
      ->type_name("WORD")
      ->transform(CLI::CheckedTransformer(kEndpoints));
  command->add_option("--api-key", options->api_key, "Sent as a bearer token; better given in the environment.")
      ->type_name("KEY")
      ->envname("OPENAI_API_KEY");
  add_load_options(*command, *options);
  command->add_option("--goodput", options->goodput, "Count requests within these bounds: ttft:MS tpot:MS e2el:MS.")
      ->type_name("NAME:MS")
      ->expected(1, 3);
  command->add_option("--metric-percentiles", options->percentiles, "Percentiles to report; default: 99.")
      ->type_name("P")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 100.0));
  command->add_option("--warmup", options->warmups, "Requests that are sent first and not measured.")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command->add_option("--timeout", options->timeout_s, "Seconds that one request may take.")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  command
      ->add_option("--ca-file", options->ca_file,
                   "Authorities (PEM) that sign the server's certificate; default: the system's.")
      ->type_name("FILE");
  command->add_flag("--insecure", options->insecure, "Do not verify the server's certificate.");
  command->add_flag("--json", options->json, "Write JSON instead of the text block.");
  command->add_flag("--detailed", options->detailed, "With --json: add what each request saw.");
  command->callback([options, &chosen] { chosen = [options] { return run_bench(*options); }; });
}

}  // namespace troupe
