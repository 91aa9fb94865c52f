// What an answer is made of, before it is written in one of OpenAI's shapes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernels/sampling/sampling.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/openai/call.hpp"
#include "runtime/openai/prompts.hpp"

namespace troupe::openai {

struct AnswerToken {
  TokenId token = 0;
  std::optional<kernels::Sampled> logprobs;
};

/// What became certain of one choice since the piece before.
struct AnswerPiece {
  std::string text;
  std::vector<AnswerToken> tokens;
};

using StopReason = std::variant<std::monostate, std::string, TokenId>;

/// How one choice ended.
struct ChoiceEnd {
  std::string finish_reason;  ///< "stop", "length"
  StopReason stop_reason;  ///< the stop string or the stop_token_ids' token; none for the model's own end, as in vLLM
};

struct Usage {
  std::int32_t prompt_tokens = 0;
  std::int32_t completion_tokens = 0;
};

/// What both shapes need to know of the call that they answer. Choice i belongs to prompts[i / n].
struct AnswerContext {
  std::string id;  ///< "chatcmpl-..." or "cmpl-..."; the same in all chunks
  std::int64_t created_unix_s = 0;
  std::shared_ptr<const ServedModel> model;
  Call call;  ///< its prompts are spent: see `prompts`
  std::vector<Prompt> prompts;

  std::size_t choices() const { return prompts.size() * static_cast<std::size_t>(call.generation.n); }
  const Prompt& prompt_of(std::size_t choice) const {
    return prompts[choice / static_cast<std::size_t>(call.generation.n)];
  }
  bool is_chat() const { return call.kind == CallKind::kChat; }
  /// Whether the call wants its prompt scored and nothing generated: the one token that was, is not shown.
  bool prompt_only() const { return call.generation.max_tokens == 0; }
  /// Tokens of all prompts, each counted once however many choices it has.
  std::int32_t prompt_tokens() const;
  /// What the client is told: a token that is the model's own end is no reason.
  StopReason stop_reason(const StopReason& inside) const;
};

/// One call's answer as it is written: the order is scores, pieces and ends of the choices as they come, then finish.
/// What each function returns goes out to the client in that order; empty where there is nothing to send yet.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  /// Log-probabilities of the prompt's tokens from the second on; before any piece of the choice.
  virtual std::string prompt_scored(std::size_t choice, const std::vector<kernels::Sampled>& tokens) = 0;
  virtual std::string piece(std::size_t choice, AnswerPiece piece) = 0;
  virtual std::string end(std::size_t choice, const ChoiceEnd& end) = 0;
  virtual std::string finish() = 0;
};

/// Server-sent events, one chunk each, ending in [DONE].
std::unique_ptr<AnswerFormat> make_stream_format(std::shared_ptr<const AnswerContext> context);
/// One JSON object, returned by finish().
std::unique_ptr<AnswerFormat> make_whole_format(std::shared_ptr<const AnswerContext> context);

/// An event for a stream that cannot go on: "data: {"error":...}\n\n".
std::string error_event(const ApiError& error);

}  // namespace troupe::openai
