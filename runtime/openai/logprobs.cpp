#include "runtime/openai/logprobs.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/base/utf8.hpp"

namespace troupe::openai {
namespace {

using OrderedJson = nlohmann::ordered_json;

double finite(float logprob) {
  return std::isnan(logprob) ? kLowestLogprob : std::max<double>(logprob, kLowestLogprob);
}

/// The alternatives to show: the call may have had more computed for another purpose.
std::span<const kernels::TokenLogprob> shown_top(const kernels::Sampled& scores, std::int32_t most) {
  return std::span(scores.top).first(std::min(scores.top.size(), static_cast<std::size_t>(std::max(0, most))));
}

/// Characters of text that UTF-8 bytes amount to when a neighbour may hold the rest of the last: those that begin here.
std::int64_t characters_begun(std::string_view bytes) {
  return std::count_if(bytes.begin(), bytes.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

OrderedJson chat_token(TokenId token, float logprob, const AnswerContext& context) {
  OrderedJson bytes = OrderedJson::array();
  for (const char c : context.model->tokenizer->token_bytes(token)) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", shown_token(token, context)}, {"logprob", finite(logprob)}, {"bytes", std::move(bytes)}};
}

}  // namespace

std::string shown_token(TokenId token, const AnswerContext& context) {
  if (context.call.generation.tokens_as_ids) return "token_id:" + std::to_string(token);
  return replace_invalid_utf8(context.model->tokenizer->token_bytes(token));
}

OrderedJson chat_logprobs(std::span<const AnswerToken> tokens, const AnswerContext& context) {
  OrderedJson content = OrderedJson::array();
  for (const auto& [token, scores] : tokens) {
    if (!scores) continue;
    auto entry = chat_token(token, scores->logprob, context);
    OrderedJson top = OrderedJson::array();
    for (const auto& other : shown_top(*scores, *context.call.generation.logprobs))
      top.push_back(chat_token(other.token, other.logprob, context));
    entry["top_logprobs"] = std::move(top);
    content.push_back(std::move(entry));
  }
  return content;
}

CompletionLogprobs::CompletionLogprobs(const AnswerContext& context) : context_(context) { take(); }

OrderedJson CompletionLogprobs::take() {
  OrderedJson empty = {{"text_offset", OrderedJson::array()},
                       {"token_logprobs", OrderedJson::array()},
                       {"tokens", OrderedJson::array()},
                       {"top_logprobs", OrderedJson::array()}};
  return std::exchange(content_, std::move(empty));
}

void CompletionLogprobs::add(TokenId token, const kernels::Sampled* scores) {
  content_["text_offset"].push_back(offset_);
  offset_ += characters_begun(context_.model->tokenizer->token_bytes(token));
  content_["tokens"].push_back(shown_token(token, context_));
  if (scores == nullptr) {
    content_["token_logprobs"].push_back(nullptr);
    content_["top_logprobs"].push_back(nullptr);
    return;
  }
  content_["token_logprobs"].push_back(finite(scores->logprob));
  OrderedJson top = OrderedJson::object();
  // Two tokens may look alike; the likelier keeps the key.
  for (const auto& other : shown_top(*scores, *context_.call.generation.logprobs))
    top.emplace(shown_token(other.token, context_), finite(other.logprob));
  top.emplace(shown_token(token, context_), finite(scores->logprob));
  content_["top_logprobs"].push_back(std::move(top));
}

void CompletionLogprobs::add_prompt(std::span<const TokenId> tokens, std::span<const kernels::Sampled> scores) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    add(tokens[i], i >= 1 && i - 1 < scores.size() ? &scores[i - 1] : nullptr);
}

void CompletionLogprobs::add(std::span<const AnswerToken> tokens) {
  for (const auto& [token, scores] : tokens) add(token, scores ? &*scores : nullptr);
}

OrderedJson prompt_logprobs(std::span<const kernels::Sampled> scores, const AnswerContext& context) {
  OrderedJson list = OrderedJson::array({nullptr});
  const auto entry = [&](TokenId token, float logprob, std::int32_t rank) {
    return OrderedJson{{"logprob", finite(logprob)},
                       {"rank", rank},
                       {"decoded_token", replace_invalid_utf8(context.model->tokenizer->token_bytes(token))}};
  };
  for (const auto& score : scores) {
    OrderedJson one = OrderedJson::object();
    one[std::to_string(score.token)] = entry(score.token, score.logprob, score.rank);
    std::int32_t rank = 0;
    for (const auto& other : shown_top(score, *context.call.generation.prompt_logprobs))
      one.emplace(std::to_string(other.token), entry(other.token, other.logprob, ++rank));
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace troupe::openai
