// From what each request of a benchmark saw to the figures that are reported: pure functions, with the definitions of
// vLLM's `bench serve` so that numbers can be compared.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe {

/// What one request of a benchmark saw. Times are in seconds; `start` counts from the benchmark's start.
struct BenchSample {
  bool ok = false;
  std::string error;  ///< why not, where it is not ok
  double start = 0;
  double ttft = 0;           ///< to the first piece that holds text or tokens
  std::vector<double> gaps;  ///< between such pieces
  double latency = 0;        ///< to the last such piece; where there is none, to the end of the stream
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

/// Bounds in milliseconds within which a request is good; those that are absent do not matter.
struct Goodput {
  std::optional<double> ttft_ms, tpot_ms, e2el_ms;
  bool asked_for() const { return ttft_ms || tpot_ms || e2el_ms; }
};

/// Of the values of one metric, in milliseconds. All zero where there is no value.
struct Distribution {
  double mean = 0, median = 0, stddev = 0;
  std::vector<double> percentiles;  ///< one for each percent that was asked for
};

struct BenchSummary {
  std::uint64_t completed = 0, failed = 0;
  double duration = 0;  ///< s
  std::uint64_t input_tokens = 0, output_tokens = 0;
  double request_throughput = 0;  ///< requests/s
  std::optional<double> request_goodput;
  double output_throughput = 0, total_throughput = 0;  ///< tokens/s
  double peak_output_throughput = 0;                   ///< tokens of the best whole second of the clock
  std::uint64_t peak_concurrency = 0;                  ///< most requests under way at one moment
  std::vector<double> percents;
  Distribution ttft, tpot, itl, e2el;
};

/// The value below which `percent` of the sorted values lie, interpolated between neighbours (numpy's default). 0 where
/// there is none.
double percentile(std::span<const double> sorted, double percent);

/// Values in seconds become milliseconds.
Distribution describe(std::vector<double> seconds, std::span<const double> percents);

/// Mean time between a request's tokens in seconds: (latency - ttft) / (tokens - 1); nothing for fewer than two tokens.
std::optional<double> time_per_output_token(const BenchSample& sample);

BenchSummary summarise(std::span<const BenchSample> samples, double duration, std::span<const double> percents,
                       const Goodput& goodput);

}  // namespace troupe
