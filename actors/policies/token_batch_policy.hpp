// The batch of tokens, and preemption: which of a machine's decoding sequences run in its next step, and which loses
// its KV blocks when memory is out. A policy is a function of a snapshot and its own memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// A sequence that holds KV blocks and makes tokens.
struct DecodingSequence {
  std::uint64_t number = 0;  ///< names it in the answer; grows in the order of arrival at the machine
  RequestId request;
  std::int32_t prompt_tokens = 0;
  std::int32_t generated = 0;    ///< tokens made so far; with the prompt's, what a preemption has run again
  std::int32_t most_left = 0;    ///< tokens that it may still make, at least 1
  std::int32_t blocks = 0;       ///< KV blocks that it holds
  std::int32_t preemptions = 0;  ///< suffered here so far
};

struct TokenBatchSnapshot {
  std::vector<DecodingSequence> sequences;  ///< in the order of arrival, at least one
};

/// Implemented by one file for each policy.
class TokenBatchPolicy {
 public:
  virtual ~TokenBatchPolicy() = default;
  /// Who makes a token in the next step, of those that have a block for it. Numbers that are not in the snapshot are
  /// passed over; where none is left, all run. By default all do.
  virtual std::vector<std::uint64_t> choose_batch(const TokenBatchSnapshot& snapshot);
  /// Who loses its blocks so that others can go on, of all that decode. Its prompt and tokens run again later. A number
  /// that is not in the snapshot stands for the newest. Unless the same sequences are spared again and again, none
  /// ends.
  virtual std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) = 0;
};

/// The policy of that name (one of token_batch_policy_names()), or of the library at that path where it has a slash; or
/// kConfig with the names there are.
Result<std::unique_ptr<TokenBatchPolicy>> make_token_batch_policy(std::string_view name);

}  // namespace troupe::policies
