// /tokenize and /detokenize as vLLM has them, and the list of models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/openai/api_error.hpp"
#include "runtime/openai/served_model.hpp"

namespace troupe::openai {

/// POST /tokenize: {"prompt"} or {"messages"} -> {"count","max_model_len","tokens","token_strs"}; `return_token_strs`
/// fills the last, which is null else. A prompt longer than the context is counted all the same.
Outcome<std::string> tokenize(std::string_view body, const ServedModel& model, const ApiLimits& limits,
                              std::int64_t now_unix_s);

/// POST /detokenize: {"tokens"} -> {"prompt"}. Special tokens are spelled out.
Outcome<std::string> detokenize(std::string_view body, const ServedModel& model, const ApiLimits& limits);

/// GET /v1/models
std::string model_list(const ServedModel& model);

/// GET /v1/models/{id}; 404 "model_not_found".
Outcome<std::string> model_card(const ServedModel& model, std::string_view name);

}  // namespace troupe::openai
