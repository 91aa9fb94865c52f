#include "runtime/openai/answer.hpp"

#include <algorithm>

namespace troupe::openai {

std::int32_t AnswerContext::prompt_tokens() const {
  std::int32_t sum = 0;
  for (const auto& prompt : prompts) sum += static_cast<std::int32_t>(prompt.tokens.size());
  return sum;
}

StopReason AnswerContext::stop_reason(const StopReason& inside) const {
  const auto* const token = std::get_if<TokenId>(&inside);
  if (token == nullptr) return inside;
  const auto& named = call.generation.stop_token_ids;
  return std::find(named.begin(), named.end(), *token) == named.end() ? StopReason{} : inside;
}

std::string error_event(const ApiError& error) { return "data: " + error.body() + "\n\n"; }

}  // namespace troupe::openai
