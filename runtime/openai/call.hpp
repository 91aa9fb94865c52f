// A completion call as its body asked for it: checked field by field, not yet tokenized.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/sampling/sampling.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/openai/api_error.hpp"
#include "runtime/openai/served_model.hpp"

namespace troupe::openai {

enum class CallKind { kCompletion, kChat };

/// What is the same for every prompt and choice of a call.
struct Generation {
  std::int32_t n = 1;
  bool stream = false;
  bool include_usage = false;     ///< a chunk with usage at the stream's end
  bool continuous_usage = false;  ///< usage in every chunk (vLLM)
  std::optional<std::int32_t>
      max_tokens;  ///< none: 16 for a completion, what fits for a chat. 0 only with echo: the prompt alone
  std::int32_t min_tokens = 0;
  kernels::SamplingParams params;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> stop;
  std::vector<TokenId> stop_token_ids;
  bool ignore_eos = false;
  bool include_stop = false;
  bool skip_special_tokens = true;
  std::optional<std::int32_t> logprobs;  ///< alternatives to show for each token of the answer; none: no logprobs
  std::optional<std::int32_t> prompt_logprobs;  ///< alternatives to show for each token of the prompt, as vLLM does
  bool echo = false;
  bool return_token_ids = false;
  bool tokens_as_ids = false;  ///< in logprobs, a token is written "token_id:17"

  /// How many alternatives the prompt's tokens are to be scored with: for prompt_logprobs, and for echo with logprobs.
  std::optional<std::int32_t> prompt_alternatives() const;
};

/// A conversation for the chat template.
struct Chat {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  bool add_generation_prompt = true;
  bool continue_final_message = false;
  nlohmann::ordered_json template_kwargs = nlohmann::ordered_json::object();
};

/// One prompt: text, token ids, or a conversation.
using PromptInput = std::variant<std::string, std::vector<TokenId>, Chat>;

struct Call {
  CallKind kind = CallKind::kCompletion;
  std::string model;                 ///< the name to answer under
  std::vector<PromptInput> prompts;  ///< at least one; exactly one for a chat
  bool add_special_tokens = true;
  Generation generation;
};

/// The body of POST /v1/completions. Fields that SDKs send for the vendor's own bookkeeping are ignored; every other
/// field that is not known is refused by name.
Outcome<Call> parse_completion_call(std::string_view body, const ServedModel& model, const ApiLimits& limits);

/// The body of POST /v1/chat/completions.
Outcome<Call> parse_chat_call(std::string_view body, const ServedModel& model, const ApiLimits& limits);

/// A completion's body where it has a "prompt", else a chat's.
Outcome<Call> parse_either_call(std::string_view body, const ServedModel& model, const ApiLimits& limits);

}  // namespace troupe::openai
