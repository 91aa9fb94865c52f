// Log-probabilities in the three shapes that clients read: a chat's, a completion's, and vLLM's for prompts.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "runtime/openai/answer.hpp"

namespace troupe::openai {

/// What JSON has no number for: a log-probability of minus infinity is written as this (OpenAI's own stand-in).
inline constexpr double kLowestLogprob = -9999.0;

/// A token for people: its bytes with what is not UTF-8 replaced, or "token_id:17" where the call wants that.
std::string shown_token(TokenId token, const AnswerContext& context);

/// Of a chat's choice: [{"token","logprob","bytes","top_logprobs":[...]}].
nlohmann::ordered_json chat_logprobs(std::span<const AnswerToken> tokens, const AnswerContext& context);

/// Of a completion's choice: {"text_offset","token_logprobs","tokens","top_logprobs"}, grown token by token. Offsets
/// count characters from the start of the choice's text, as Python does.
class CompletionLogprobs {
 public:
  explicit CompletionLogprobs(const AnswerContext& context);
  /// The prompt that echo shows: its first token has no log-probability.
  void add_prompt(std::span<const TokenId> tokens, std::span<const kernels::Sampled> scores);
  void add(std::span<const AnswerToken> tokens);
  /// What was added since the last take; offsets go on.
  nlohmann::ordered_json take();

 private:
  void add(TokenId token, const kernels::Sampled* scores);

  const AnswerContext& context_;
  std::int64_t offset_ = 0;
  nlohmann::ordered_json content_;
};

/// vLLM's prompt_logprobs: null for the first token, then {"<id>":{"logprob","rank","decoded_token"}} of the token and
/// its alternatives.
nlohmann::ordered_json prompt_logprobs(std::span<const kernels::Sampled> scores, const AnswerContext& context);

}  // namespace troupe::openai
