// What a device is asked to do in one forward pass, and what it answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kernels/sampling/sampling.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::device {

/// How one completion is to be sampled: fixed for its life, shared by every step that works for it.
struct SamplingSpec {
  kernels::SamplingParams params;
  std::uint64_t seed = 0;
  std::uint64_t choice = 0;          ///< which of the call's `n` completions
  std::vector<TokenId> stop_tokens;  ///< EOS and stop_token_ids: banned from being drawn before min_tokens
  std::int32_t min_tokens = 0;
  std::optional<std::int32_t>
      prompt_logprobs;  ///< how many alternatives to report for each prompt token; none: do not report
};

/// One sequence's share of a step: tokens to run through the model, and whether to sample after the last of them.
/// A prompt chunk has many tokens; a decode has one: the token sampled before.
struct StepSequence {
  RequestId request;
  std::vector<TokenId> tokens;  ///< at positions first_position, first_position + 1, ...; at least one
  std::int32_t first_position = 0;
  std::vector<BlockId> blocks;  ///< the block table: covers every position up to the last token's
  std::shared_ptr<const SamplingSpec> sampling;
  bool sample = false;         ///< false in all but a prompt's last chunk
  std::int32_t generated = 0;  ///< how many tokens were generated before: the next draw's position
  /// Prompt and generated tokens so far; filled only where sampling->params.needs_history().
  std::vector<TokenId> history;
  std::int32_t history_prompt_tokens = 0;  ///< how many of `history` are the prompt's
  /// Where sampling->prompt_logprobs: the prompt's token at each following position, so that rows of this chunk can be
  /// scored (next_tokens[i] follows tokens[i]; one shorter than tokens at the prompt's end).
  std::vector<TokenId> next_tokens;
};

struct Step {
  StepId id;
  std::vector<StepSequence> sequences;  ///< at least one
  bool watched = false;                 ///< somebody wants to hear of layer groups
};

/// What came of one StepSequence, in the same order.
struct SequenceResult {
  RequestId request;
  TokenId token = -1;            ///< the sampled token; -1 where none was asked for, or on a numerical fault
  bool numerical_fault = false;  ///< the logits held NaN or no finite value
  std::optional<kernels::Sampled> logprobs;       ///< of the sampled token, where asked for
  std::vector<kernels::Sampled> prompt_logprobs;  ///< one for each of StepSequence::next_tokens
};

/// Where a step's time went.
struct StepTimings {
  std::chrono::nanoseconds total{};
  std::chrono::nanoseconds attention{};
  std::chrono::nanoseconds matmul{};
  std::chrono::nanoseconds sampling{};
};

struct StepResult {
  StepId id;
  std::vector<SequenceResult> sequences;
  StepTimings timings;
  std::optional<Error> fault;  ///< the device failed: nothing in `sequences` holds
};

}  // namespace troupe::device
