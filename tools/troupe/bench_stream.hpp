// Reads one answer of a benchmark's server: what each event of the stream means for the measurement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// What one event of an OpenAI-style stream says.
struct StreamNews {
  bool has_tokens =
      false;  ///< text, reasoning or token ids of a choice; a chunk with only a role or only a finish reason has none
  bool done = false;                                              ///< "[DONE]"
  std::optional<std::uint64_t> prompt_tokens, completion_tokens;  ///< from `usage`
  std::string error;  ///< from an `error` in the stream, or what is wrong with the event
};

StreamNews read_stream_event(std::string_view data);

/// What a refusal's body says: the error's message where it is an OpenAI-style error, else the start of the text.
std::string refusal_message(int status, std::string_view body);

}  // namespace troupe
