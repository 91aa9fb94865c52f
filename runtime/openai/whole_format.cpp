// An answer as one JSON object.
#include <deque>
#include <utility>

#include "runtime/openai/answer.hpp"
#include "runtime/openai/answer_json.hpp"
#include "runtime/openai/logprobs.hpp"

namespace troupe::openai {
namespace {

using OrderedJson = nlohmann::ordered_json;

class WholeFormat final : public AnswerFormat {
 public:
  explicit WholeFormat(std::shared_ptr<const AnswerContext> context) : context_(std::move(context)) {
    for (std::size_t i = 0; i < context_->choices(); ++i) choices_.emplace_back();
  }

  std::string prompt_scored(std::size_t choice, const std::vector<kernels::Sampled>& tokens) override {
    choices_[choice].prompt_scores = tokens;
    return {};
  }

  std::string piece(std::size_t choice, AnswerPiece piece) override {
    if (context_->prompt_only()) return {};
    auto& state = choices_[choice];
    state.text += piece.text;
    state.tokens.insert(state.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                        std::make_move_iterator(piece.tokens.end()));
    return {};
  }

  std::string end(std::size_t choice, const ChoiceEnd& end) override {
    choices_[choice].end = end;
    return {};
  }

  std::string finish() override {
    auto answer = answer_head(*context_, context_->is_chat() ? "chat.completion" : "text_completion");
    OrderedJson list = OrderedJson::array();
    Usage usage{context_->prompt_tokens(), 0};
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      usage.completion_tokens += static_cast<std::int32_t>(choices_[i].tokens.size());
      list.push_back(context_->is_chat() ? chat_choice(i) : completion_choice(i));
    }
    answer["choices"] = std::move(list);
    answer["usage"] = usage_json(usage);
    if (context_->is_chat()) add_prompt_report(answer, 0);
    return dumped(answer);
  }

 private:
  struct Choice {
    std::string text;
    std::vector<AnswerToken> tokens;
    std::vector<kernels::Sampled> prompt_scores;
    ChoiceEnd end;
  };

  OrderedJson chat_choice(std::size_t index) const {
    const auto& choice = choices_[index];
    OrderedJson json;
    json["index"] = index;
    json["message"] = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
    json["logprobs"] = nullptr;
    if (wanted().logprobs)
      json["logprobs"] = {{"content", chat_logprobs(choice.tokens, *context_)}, {"refusal", nullptr}};
    add_end(json, choice);
    return json;
  }

  OrderedJson completion_choice(std::size_t index) const {
    const auto& choice = choices_[index];
    const auto& prompt = context_->prompt_of(index);
    OrderedJson json;
    json["index"] = index;
    json["text"] = wanted().echo ? prompt.text + choice.text : choice.text;
    json["logprobs"] = nullptr;
    if (wanted().logprobs) {
      CompletionLogprobs logprobs(*context_);
      if (wanted().echo) logprobs.add_prompt(prompt.tokens, choice.prompt_scores);
      logprobs.add(choice.tokens);
      json["logprobs"] = logprobs.take();
    }
    add_end(json, choice);
    add_prompt_report(json, index);
    return json;
  }

  void add_end(OrderedJson& json, const Choice& choice) const {
    json["finish_reason"] = choice.end.finish_reason;
    json["stop_reason"] = stop_reason_json(context_->stop_reason(choice.end.stop_reason));
    if (wanted().return_token_ids) append_ids(json["token_ids"] = OrderedJson::array(), choice.tokens);
  }

  /// What vLLM says of the prompt: in each choice of a completion, at the top of a chat's answer.
  void add_prompt_report(OrderedJson& json, std::size_t index) const {
    json["prompt_logprobs"] = nullptr;
    if (wanted().prompt_logprobs) json["prompt_logprobs"] = prompt_logprobs(choices_[index].prompt_scores, *context_);
    if (wanted().return_token_ids) json["prompt_token_ids"] = context_->prompt_of(index).tokens;
  }

  const Generation& wanted() const { return context_->call.generation; }

  std::shared_ptr<const AnswerContext> context_;
  std::deque<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_whole_format(std::shared_ptr<const AnswerContext> context) {
  return std::make_unique<WholeFormat>(std::move(context));
}

}  // namespace troupe::openai
