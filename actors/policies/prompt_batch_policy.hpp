// The batch of prompts: which of a machine's queued prompts run in its next step, and how many tokens of each. A policy
// is a function of a snapshot and its own memory; it names no transport, no device and no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// A prompt that a machine has yet to run, or to run to its end.
struct QueuedPrompt {
  std::uint64_t number = 0;  ///< names it in the answer; grows in the order of arrival
  RequestId request;
  std::int32_t total = 0;             ///< tokens to run
  std::int32_t done = 0;              ///< of them, in earlier steps; less than `total`
  std::chrono::nanoseconds waited{};  ///< since it came to the machine
};

struct PromptBatchSnapshot {
  std::int32_t budget = 0;          ///< prompt tokens that a step may have; at least 1
  std::vector<QueuedPrompt> queue;  ///< in the order of arrival, at least one; the first kMostPromptsShown
};

/// Further prompts are shown when some of these have run.
inline constexpr std::size_t kMostPromptsShown = 2048;

struct PromptShare {
  std::uint64_t number = 0;
  std::int32_t tokens = 0;  ///< at least 1
};

/// Implemented by one file for each policy.
class PromptBatchPolicy {
 public:
  virtual ~PromptBatchPolicy() = default;
  /// What runs, the most urgent first: a step that decodes share may have to leave out the end. Shares past the budget
  /// are cut, those of prompts that are not queued passed over; where nothing is left, the first in the queue runs.
  virtual std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) = 0;
};

/// The policy of that name (one of prompt_batch_policy_names()), or of the library at that path where it has a slash;
/// or kConfig with the names there are.
Result<std::unique_ptr<PromptBatchPolicy>> make_prompt_batch_policy(std::string_view name);

}  // namespace troupe::policies
