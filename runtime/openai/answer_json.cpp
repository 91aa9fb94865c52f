#include "runtime/openai/answer_json.hpp"

namespace troupe::openai {

using OrderedJson = nlohmann::ordered_json;

std::string dumped(const OrderedJson& json) { return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

OrderedJson answer_head(const AnswerContext& context, const char* object) {
  OrderedJson head;
  head["id"] = context.id;
  head["object"] = object;
  head["created"] = context.created_unix_s;
  head["model"] = context.call.model;
  head["system_fingerprint"] =
      context.model->fingerprint.empty() ? OrderedJson() : OrderedJson(context.model->fingerprint);
  return head;
}

OrderedJson usage_json(Usage usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

OrderedJson stop_reason_json(const StopReason& reason) {
  if (const auto* const text = std::get_if<std::string>(&reason)) return *text;
  if (const auto* const token = std::get_if<TokenId>(&reason)) return *token;
  return nullptr;
}

void append_ids(OrderedJson& array, const std::vector<AnswerToken>& tokens) {
  for (const auto& token : tokens) array.push_back(token.token);
}

}  // namespace troupe::openai
