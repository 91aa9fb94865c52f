// What the API has to know of the model that it serves, and how much it lets a call ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/sampling/sampling.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/model/chat_template/chat_template.hpp"
#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe::openai {

/// One model as clients see it. Immutable once shared: any number of threads read it.
struct ServedModel {
  std::vector<std::string>
      names;  ///< at least one; a call may use any of them, answers show the one used, or the first
  std::int64_t created_unix_s = 0;
  std::shared_ptr<const model::Tokenizer> tokenizer;
  std::shared_ptr<const model::ChatTemplate> chat_template;  ///< none: chat calls are refused
  /// Variables for the template that are special tokens: bos_token, eos_token, ..., additional_special_tokens. An
  /// object.
  nlohmann::ordered_json special_tokens = nlohmann::ordered_json::object();
  /// Prompt and answer together may be this long: the model's context, or what one sequence may hold in KV memory where
  /// that is less.
  std::int32_t max_model_len = 0;
  std::int32_t vocab_size = 0;               ///< of the model: ids of prompts are below it
  std::vector<TokenId> eos;                  ///< ids that end an answer
  kernels::SamplingParams default_sampling;  ///< from generation_config.json: for parameters that a call leaves out
  std::string fingerprint;                   ///< `system_fingerprint`; empty: null
};

/// Bounds on one call, each inclusive and refused with a message that names it.
struct ApiLimits {
  std::size_t completion_body_bytes = std::size_t{1} << 20;
  std::size_t chat_body_bytes = std::size_t{8} << 20;  ///< also of /tokenize and /detokenize
  std::size_t json_depth = 64;
  std::size_t json_values = std::size_t{1} << 20;  ///< of one body, containers and scalars alike
  std::int32_t n = 128;
  std::size_t prompts = 256;           ///< of one completion call
  std::int32_t choices = 256;          ///< prompts times n
  std::int32_t prompt_tokens = 0;      ///< 0: as many as the model's context has room for
  std::int32_t completion_tokens = 0;  ///< the same for one answer
  std::size_t stop_strings = 16;
  std::size_t stop_bytes = 256;  ///< of one stop string
  std::size_t stop_token_ids = 128;
  std::int32_t logprobs = 20;
  std::size_t logit_bias = 1024;
  std::size_t messages = 4096;
  std::size_t content_parts = 4096;  ///< of all messages together
  /// Variables that `chat_template_kwargs` may set, if the model's template reads them. Never the name of a special
  /// token.
  std::vector<std::string> template_kwargs = {"enable_thinking",       "thinking",          "thinking_mode",
                                              "thinking_budget",       "reasoning_effort",  "date_string",
                                              "tools_in_user_message", "preserve_thinking", "clear_thinking"};
};

}  // namespace troupe::openai
