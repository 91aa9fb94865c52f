// What a load is made of: who arrives when, with how many tokens. Shared by `troupe bench`, which sends it to a server,
// and `troupe simulate`, which plays it to a simulated cluster.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::workload {

/// Tokens of a prompt that one of Mooncake's hash ids stands for.
inline constexpr std::uint32_t kTokensPerHash = 512;

/// Most tokens that a request of a load may have in its prompt, and in its answer.
inline constexpr std::int32_t kMostTokens = 10'000'000;

/// One request of a load.
struct Arrival {
  std::chrono::nanoseconds at{};   ///< after the load's beginning; not negative
  std::int32_t prompt_tokens = 1;  ///< at least 1
  std::int32_t output_tokens = 1;  ///< at least 1, the first token among them
  std::int64_t id = 0;             ///< the trace's own number for it, else its place in the load
  /// One for each kTokensPerHash tokens of the prompt; prompts with equal ones in front share those tokens. Empty where
  /// the load does not say.
  std::vector<std::uint64_t> hash_ids = {};
};

/// Requests in the order of `at`; those of one instant in the order of their file.
using Load = std::vector<Arrival>;

}  // namespace troupe::workload
