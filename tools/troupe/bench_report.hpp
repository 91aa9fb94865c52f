// How a benchmark's figures are written: the text block that vLLM's users and their scripts know, line for line, and
// JSON with its keys.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tools/troupe/bench_statistics.hpp"

namespace troupe {

/// What was asked for, as far as the report repeats it.
struct BenchSetting {
  std::string model;
  std::string endpoint_type;  ///< "openai" (completions) or "openai-chat"
  std::string date;
  std::uint64_t num_prompts = 0;
  std::optional<double> request_rate;  ///< requests/s; none: no limit
  std::optional<std::uint64_t> max_concurrency;
  std::uint64_t seed = 0;
};

/// The block from "============ Serving Benchmark Result ============" to the last line of '=', with its line ends.
std::string report_text(const BenchSetting& setting, const BenchSummary& summary);

/// One JSON object and a line end. With `detailed` also what each request saw (input_lens, output_lens, ttfts, itls,
/// errors).
std::string report_json(const BenchSetting& setting, const BenchSummary& summary, std::span<const BenchSample> samples,
                        bool detailed);

/// What to know where tokens came together, which makes their times those of pieces; empty where none did. A request's
/// last token may have no piece, as the end of the text has none.
std::string note_on_pieces(std::span<const BenchSample> samples);

/// "99" for 99.0, "99.9" for 99.9.
std::string percent_name(double percent);

}  // namespace troupe
