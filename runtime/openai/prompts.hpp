// From a checked call to prompts that can run: templates applied, text tokenized, lengths held against the model's
// context.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device/step.hpp"
#include "runtime/openai/call.hpp"

namespace troupe::openai {

struct Prompt {
  std::vector<TokenId> tokens;  ///< at least one
  std::string text;             ///< what echo shows; empty where the call does not ask for it
  std::int32_t max_tokens = 1;  ///< to generate; at least 1, and fits the context behind the prompt
};

/// Tokenizes every prompt of the call. Refused: a prompt without tokens, one that leaves no room for an answer, and a
/// call whose max_tokens does not fit behind it ("context_length_exceeded"). The work is that of the template and
/// tokenizer: not for an io thread.
Outcome<std::vector<Prompt>> make_prompts(const Call& call, const ServedModel& model, const ApiLimits& limits,
                                          std::int64_t now_unix_s);

/// The tokens of a single prompt. No length is checked.
Outcome<std::vector<TokenId>> prompt_tokens(const PromptInput& input, bool add_special_tokens, const ServedModel& model,
                                            std::int64_t now_unix_s);

/// How one choice is sampled.
std::shared_ptr<const device::SamplingSpec> sampling_spec(const Generation& generation, const ServedModel& model,
                                                          std::uint64_t seed, std::uint64_t choice);

}  // namespace troupe::openai
