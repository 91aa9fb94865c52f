// The rule of prompt batches that holds unless a policy is named: first come first served within a token budget, in
// chunks when a prompt is longer than the budget (Splitwise, ISCA 2024, section 4.2; the chunks are Sarathi's, OSDI
// 2024).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::policies {

/// Tokens that a step's prompts may have together: past it prompt throughput falls (Splitwise, figure 6a).
inline constexpr std::int32_t kMaxBatchTokens = 2048;

/// How many tokens each queued prompt runs in the next step, in queue order and cut at the last that takes part.
/// `remaining[i]` > 0 is what prompt i has still to run. A prompt that fits the budget is never cut: it waits for the
/// next step rather than be split; the first in the queue always runs.
std::vector<std::int32_t> plan_prompt_batch(std::span<const std::int32_t> remaining, std::int32_t budget);

}  // namespace troupe::policies
