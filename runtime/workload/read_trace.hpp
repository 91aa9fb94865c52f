// Recorded loads: Azure's LLM inference traces (CSV), those of Splitwise's simulator (CSV) and Mooncake's (JSON lines).
// Refuses what it cannot read whole, with the line and column: a trace that is read in part would mislead.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::workload {

/// Most bytes of a trace's file.
inline constexpr std::size_t kMostTraceBytes = std::size_t{1} << 30;

/// Tells the format by the first line: JSON lines start with '{', a CSV with its header, whose columns may stand in any
/// order and case.
///   Azure:     TIMESTAMP ("2023-11-16 18:17:03.9799600"; a zone behind it is passed over), ContextTokens,
///              GeneratedTokens. Times count from the earliest row.
///   Splitwise: arrival_timestamp (seconds), prompt_size, token_size, and if it is there request_id. batch_size must
///              be 1.
///   Mooncake:  timestamp (milliseconds), input_length, output_length, and if it is there hash_ids.
/// The last two keep their times. A count of 0 tokens becomes 1. At most `most_rows` rows of the file are read. Errors
/// (kInvalidInput) name line and column, both from 1.
Result<Load> read_trace(std::string_view text, std::size_t most_rows);

/// The same from a file, whose name stands in front of errors (kMissingInput, kTooLarge, kInvalidInput).
Result<Load> read_trace_file(const std::string& path, std::size_t most_rows);

/// Time since 1970 of an Azure trace's TIMESTAMP; nothing where it is not one, or is not from 1970 to 2200.
std::optional<std::chrono::nanoseconds> parse_trace_time(std::string_view text);

}  // namespace troupe::workload
