// The constants of Splitwise's simulator, and what a request takes on one of its machines.
// Source: splitwise-sim (MIT), configs/start_state, configs/orchestrator_repo, interconnect.py, request.py.
#pragma once

#include <cstdint>

namespace troupe::splitwise_sim {

inline constexpr std::int64_t kMostBatch = 512;         ///< tasks in a step
inline constexpr std::int64_t kMostBatchTokens = 2048;  ///< tokens in a step, unless one prompt alone has more
inline constexpr std::int32_t kMostPreemptions = 4;     ///< of a task; then it goes before everything else
inline constexpr std::int64_t kQueueLimit = 8192;       ///< pending prompt tokens past which a queue counts as long
inline constexpr double kLinkBytesPerSecond = 200.0 * 1024 * 1024 * 1024;  ///< each transfer has a link of its own
inline constexpr double kRetrySeconds = 1.0;  ///< until KV that found no room is offered again

/// A request, by its place in the load.
using RequestIndex = std::uint32_t;
/// A machine, by its place in the plan.
using MachineIndex = std::uint32_t;

/// What the simulator knows of a request; its output length too.
struct RequestFacts {
  RequestIndex request = 0;
  double arrived = 0;
  std::int64_t prompt_tokens = 1;
  std::int64_t output_tokens = 1;  ///< the first one comes from the prompt's step

  /// Steps of the token task. With none the request ends with its prompt.
  std::int64_t decode_steps() const { return output_tokens - 1; }
  /// What the prompt task allocates.
  std::int64_t prompt_memory(std::int64_t bytes_per_token) const { return (prompt_tokens + 1) * bytes_per_token; }
  /// What the token task allocates: all of its output, when it starts.
  std::int64_t token_memory(std::int64_t bytes_per_token) const { return decode_steps() * bytes_per_token; }
  std::int64_t memory(std::int64_t bytes_per_token) const {
    return prompt_memory(bytes_per_token) + token_memory(bytes_per_token);
  }
};

}  // namespace troupe::splitwise_sim
