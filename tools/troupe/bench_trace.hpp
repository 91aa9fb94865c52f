// Recorded loads: Azure's LLM inference traces (CSV) and Mooncake's (JSON lines).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe {

/// One request of a load. Prompts with the same hash ids in front share those tokens.
struct TraceRequest {
  double at = 0;  ///< seconds after the first request
  std::uint32_t input_tokens = 1;
  std::uint32_t output_tokens = 1;
  std::vector<std::uint64_t>
      hash_ids;  ///< one for each kTokensPerHash tokens of the prompt; empty where the trace has none
};

/// Mooncake's prefix blocks.
inline constexpr std::uint32_t kTokensPerHash = 512;

/// Reads either format; JSON lines start with '{'. Rows come back in the order of their times; at most `most_rows` of
/// the file are read. Errors (kInvalidInput) name the line. CSV: a header with the columns TIMESTAMP ("2023-11-16
/// 18:17:03.9799600", a zone behind it is passed over), ContextTokens and GeneratedTokens, in any order and case. JSON:
/// timestamp (milliseconds), input_length, output_length, hash_ids (optional).
Result<std::vector<TraceRequest>> parse_trace(std::string_view text, std::size_t most_rows);

/// Seconds since 1970 of a trace's TIMESTAMP; nothing where it is not one.
std::optional<double> parse_trace_time(std::string_view text);

}  // namespace troupe
