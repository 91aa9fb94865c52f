// A completion to produce, and what is told of it to whoever asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "kernels/sampling/sampling.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/device/step.hpp"

namespace troupe {

using TimePoint = std::chrono::steady_clock::time_point;

/// What is fixed about a request for its whole life, wherever it runs. Shared by everyone who works for it.
struct RequestSpec {
  RequestId id;
  std::string name;  ///< the client's word for it (x-request-id, with "-<choice>" appended where there are several)
  std::vector<TokenId> prompt;  ///< at least one token
  std::shared_ptr<const device::SamplingSpec> sampling;
  std::int32_t max_tokens = 16;   ///< at least 1; prompt + max_tokens fits the model's context and the machine's KV
  bool ignore_eos = false;        ///< stop_tokens do not end it
  std::vector<std::string> stop;  ///< strings that end it; not part of the text unless include_stop
  bool include_stop = false;
  bool skip_special_tokens = true;  ///< in the text
  TimePoint deadline = TimePoint::max();
};

enum class FinishReason { kStop, kLength, kCancelled, kError };

/// "stop", "length", "abort", "error": vLLM's words.
const char* to_string(FinishReason reason);

/// Whether generated token number `index` (from 0) ends the request by itself: a stop token, or the last that it may
/// generate.
std::optional<FinishReason> reason_to_end(const RequestSpec& spec, std::int32_t index, TokenId token);

/// What a request is told whose logits held NaN or no finite value after `tokens` tokens.
Error numerical_fault(std::int32_t tokens);

/// One token of the answer. Text that is held back (half a character, the beginning of a stop string) comes with a
/// later token.
struct GeneratedToken {
  TokenId token = 0;
  std::optional<kernels::Sampled> logprobs;
};

/// Where the time before an answer's first token went.
struct PromptTimes {
  TimePoint began;                       ///< the first step that it took part in began
  std::chrono::nanoseconds computing{};  ///< in steps that it took part in, as the device tells it
};

/// New tokens and the text that became final with them. Indices are contiguous over a request's messages.
struct TokensGenerated {
  RequestId request;
  std::int32_t first_index = 0;                  ///< index of tokens[0] among the generated tokens
  std::vector<GeneratedToken> tokens;            ///< may be empty when only held-back text is released
  std::string text;                              ///< valid UTF-8
  std::optional<PromptTimes> prompt_times = {};  ///< with the first token
};

/// Log-probabilities of the prompt's tokens from the second on, where the sampling spec asks for them. Comes before any
/// token.
struct PromptScored {
  RequestId request;
  std::vector<kernels::Sampled> tokens;
};

/// The request's end; the last message about it, sent exactly once.
struct RequestEnded {
  RequestId request;
  FinishReason reason = FinishReason::kError;
  std::variant<std::monostate, std::string, TokenId> stop_reason;  ///< the stop string or stop token that ended it
  std::optional<Error> error;                                      ///< where reason is kError
  std::int32_t prompt_tokens = 0;
  std::int32_t generated_tokens = 0;
};

/// Whoever asked for a completion: the gateway's call, the terminal of `troupe run`, a test.
using RequesterActor =
    caf::typed_actor<caf::reacts_to<TokensGenerated>, caf::reacts_to<PromptScored>, caf::reacts_to<RequestEnded>>;

/// Gives the request up (the client left, a stop string was found). The request ends with kCancelled; blocks come home.
struct CancelCompletion {
  RequestId request;
};
using CancellableActor = caf::typed_actor<caf::reacts_to<CancelCompletion>>;

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TokensGenerated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PromptScored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelCompletion)
