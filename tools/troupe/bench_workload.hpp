// What a benchmark sends and when: pure functions of its seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/troupe/bench_trace.hpp"

namespace troupe {

enum class BenchEndpoint { kCompletions, kChat };

/// A load without a trace.
struct SyntheticLoad {
  std::size_t requests = 100;
  std::uint32_t input_tokens = 1024;
  std::uint32_t output_tokens = 128;
  std::optional<double> request_rate;  ///< requests/s, arrivals as a Poisson process; none: all at once
  std::uint64_t seed = 0;
};

std::vector<TraceRequest> synthetic_load(const SyntheticLoad& load);

/// How a request's body is made.
struct PromptShape {
  BenchEndpoint endpoint = BenchEndpoint::kCompletions;
  std::string model;
  std::uint32_t vocabulary =
      1000;  ///< token ids are drawn below this, and above the special ones that tokenizers put first
  bool ignore_eos = false;
  std::optional<double> temperature;
  std::uint64_t seed = 0;
  std::string extra_body;  ///< a JSON object, whose members are added to the body or replace its own; empty: nothing
};

/// A prompt of `request.input_tokens` token ids. Equal hash ids give equal tokens; the rest differs with `index`.
std::vector<std::int32_t> prompt_tokens(const PromptShape& shape, const TraceRequest& request, std::uint64_t index);

/// The JSON body of one streamed request: token ids for completions; for chat as many short words, since chat takes
/// text only.
std::string request_body(const PromptShape& shape, const TraceRequest& request, std::uint64_t index);

}  // namespace troupe
