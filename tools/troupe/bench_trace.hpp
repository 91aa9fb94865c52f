// Recorded loads as a benchmark sends them: runtime/workload reads them, here they count from the first request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe {

using workload::kTokensPerHash;

/// One request of a load. Prompts with the same hash ids in front share those tokens.
struct TraceRequest {
  double at = 0;  ///< seconds after the first request
  std::uint32_t input_tokens = 1;
  std::uint32_t output_tokens = 1;
  std::vector<std::uint64_t>
      hash_ids;  ///< one for each kTokensPerHash tokens of the prompt; empty where the trace has none
};

/// What workload::read_trace reads, with times from the first request. At most `most_rows` of the text are read.
/// Errors (kInvalidInput) name line and column.
Result<std::vector<TraceRequest>> parse_trace(std::string_view text, std::size_t most_rows);

}  // namespace troupe
