// `troupe bench`: a load generator for any OpenAI-style endpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/troupe/bench_statistics.hpp"
#include "tools/troupe/bench_workload.hpp"

namespace CLI {
class App;
}

namespace troupe {

struct BenchOptions {
  std::string url = "http://127.0.0.1:8000";  ///< with or without a trailing /v1
  std::string model;                          ///< empty: the first that /v1/models lists
  BenchEndpoint endpoint = BenchEndpoint::kCompletions;
  std::optional<std::uint64_t> num_prompts;                       ///< default: 100, or the whole trace
  double request_rate = std::numeric_limits<double>::infinity();  ///< requests/s
  std::optional<std::uint64_t> max_concurrency;
  std::uint32_t input_len = 1024;
  std::uint32_t output_len = 128;
  bool ignore_eos = false;
  std::uint64_t seed = 0;
  std::string trace;                                     ///< a file; then rate and lengths come from it
  double time_scale = 1;                                 ///< of a trace: 0.5 sends it twice as fast
  std::optional<std::uint32_t> clip_input, clip_output;  ///< of a trace, in tokens
  std::uint32_t vocabulary = 1000;
  std::optional<double> temperature = 0.0;
  std::string extra_body;               ///< a JSON object, whose members go into each request's body
  std::vector<std::string> goodput;     ///< "ttft:500"
  std::vector<double> percentiles{99};  ///< 0 to 100
  std::string api_key;
  std::uint32_t warmups = 1;  ///< requests before the measurement
  std::uint64_t timeout_s = 3600;
  std::string ca_file;
  bool insecure = false;  ///< do not verify the server's certificate
  bool json = false;
  bool detailed = false;
};

/// Runs a benchmark; the report goes to stdout, everything else to stderr. Returns the exit code: 0; 64 for options
/// that do not fit together; 65 and 66 for a trace that is wrong or missing; 69 where the server cannot be reached or
/// refuses every request; 130 after Ctrl-C, with a report on what was measured.
int run_bench(const BenchOptions& options);

/// Adds the subcommand `bench`. When it is given `chosen` is set to what runs it.
void add_bench(CLI::App& app, std::function<int()>& chosen);

/// "ttft:500", "tpot:50", "e2el:3000" (milliseconds), each at most once.
Result<Goodput> parse_goodput(const std::vector<std::string>& words);

/// The URL without trailing slashes and without a trailing /v1.
std::string base_url(std::string url);

/// The requests of a benchmark: read from the trace (kMissingInput, kInvalidInput) or made up.
Result<std::vector<TraceRequest>> plan_requests(const BenchOptions& options);

}  // namespace troupe
