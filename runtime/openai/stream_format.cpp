// An answer as server-sent events, one chunk each.
// Promises: id, created and model are the same in every chunk; a choice's first chat chunk carries the role and its
// last the finish_reason; `choices` is empty in the usage chunk alone, which comes only where it was asked for.
#include <deque>
#include <utility>

#include "runtime/openai/answer.hpp"
#include "runtime/openai/answer_json.hpp"
#include "runtime/openai/logprobs.hpp"

namespace troupe::openai {
namespace {

using OrderedJson = nlohmann::ordered_json;

class StreamFormat final : public AnswerFormat {
 public:
  explicit StreamFormat(std::shared_ptr<const AnswerContext> context) : context_(std::move(context)) {
    head_ = dumped(answer_head(*context_, context_->is_chat() ? "chat.completion.chunk" : "text_completion"));
    head_.back() = ',';  // the chunk goes on
    for (std::size_t i = 0; i < context_->choices(); ++i) choices_.emplace_back(*context_);
  }

  std::string prompt_scored(std::size_t choice, const std::vector<kernels::Sampled>& tokens) override {
    choices_[choice].prompt_scores = tokens;
    return {};
  }

  std::string piece(std::size_t choice, AnswerPiece piece) override {
    std::string out = start(choice);
    if (context_->prompt_only()) return out;
    auto& state = choices_[choice];
    state.tokens += static_cast<std::int32_t>(piece.tokens.size());
    const auto& wanted = context_->call.generation;
    const bool tells_tokens = wanted.logprobs || wanted.return_token_ids || wanted.continuous_usage;
    if (piece.text.empty() && (!tells_tokens || piece.tokens.empty())) return out;
    OrderedJson json;
    json["index"] = choice;
    add_text(json, std::move(piece.text));
    if (!wanted.logprobs) {
      json["logprobs"] = nullptr;
    } else if (context_->is_chat()) {
      json["logprobs"] = {{"content", chat_logprobs(piece.tokens, *context_)}, {"refusal", nullptr}};
    } else {
      state.logprobs.add(piece.tokens);
      json["logprobs"] = state.logprobs.take();
    }
    add_end(json, nullptr, nullptr);
    if (wanted.return_token_ids) append_ids(json["token_ids"] = OrderedJson::array(), piece.tokens);
    return out + chunk(choice, json);
  }

  std::string end(std::size_t choice, const ChoiceEnd& end) override {
    std::string out = start(choice);
    OrderedJson json;
    json["index"] = choice;
    if (context_->is_chat())
      json["delta"] = OrderedJson::object();
    else
      json["text"] = "";
    json["logprobs"] = nullptr;
    add_end(json, end.finish_reason, stop_reason_json(context_->stop_reason(end.stop_reason)));
    if (context_->call.generation.return_token_ids) json["token_ids"] = OrderedJson::array();
    return out + chunk(choice, json);
  }

  std::string finish() override {
    std::string out;
    if (context_->call.generation.include_usage) {
      Usage usage{context_->prompt_tokens(), 0};
      for (const auto& choice : choices_) usage.completion_tokens += choice.tokens;
      out = "data: " + head_ + "\"choices\":[],\"usage\":" + dumped(usage_json(usage)) + "}\n\n";
    }
    return out + "data: [DONE]\n\n";
  }

 private:
  struct Choice {
    explicit Choice(const AnswerContext& context) : logprobs(context) {}
    bool started = false;
    std::int32_t tokens = 0;
    std::vector<kernels::Sampled> prompt_scores;
    CompletionLogprobs logprobs;
  };

  /// What stands before a choice's first token: a chat's role, a completion's echo.
  std::string start(std::size_t choice) {
    auto& state = choices_[choice];
    if (std::exchange(state.started, true)) return {};
    const auto& wanted = context_->call.generation;
    const auto& prompt = context_->prompt_of(choice);
    OrderedJson json;
    json["index"] = choice;
    if (context_->is_chat()) {
      json["delta"] = {{"role", "assistant"}, {"content", ""}};
      json["logprobs"] = nullptr;
      add_end(json, nullptr, nullptr);
      std::string extra;
      if (wanted.return_token_ids) extra = ",\"prompt_token_ids\":" + dumped(prompt.tokens);
      return chunk(choice, json, extra);
    }
    if (!wanted.echo && !wanted.return_token_ids) return {};
    json["text"] = prompt.text;
    json["logprobs"] = nullptr;
    if (wanted.echo && wanted.logprobs) {
      state.logprobs.add_prompt(prompt.tokens, std::exchange(state.prompt_scores, {}));
      json["logprobs"] = state.logprobs.take();
    }
    add_end(json, nullptr, nullptr);
    if (wanted.return_token_ids) {
      json["prompt_token_ids"] = prompt.tokens;
      json["token_ids"] = OrderedJson::array();
    }
    return chunk(choice, json);
  }

  void add_text(OrderedJson& json, std::string text) const {
    if (context_->is_chat())
      json["delta"]["content"] = std::move(text);
    else
      json["text"] = std::move(text);
  }

  static void add_end(OrderedJson& json, OrderedJson finish_reason, OrderedJson stop_reason) {
    json["finish_reason"] = std::move(finish_reason);
    json["stop_reason"] = std::move(stop_reason);
  }

  std::string chunk(std::size_t choice, const OrderedJson& json, const std::string& extra = {}) const {
    const auto& wanted = context_->call.generation;
    std::string out = "data: " + head_ + "\"choices\":[" + dumped(json) + "]" + extra;
    if (wanted.continuous_usage) {
      const auto prompt = static_cast<std::int32_t>(context_->prompt_of(choice).tokens.size());
      out += ",\"usage\":" + dumped(usage_json({prompt, choices_[choice].tokens}));
    } else if (wanted.include_usage) {
      out += ",\"usage\":null";
    }
    return out += "}\n\n";
  }

  std::shared_ptr<const AnswerContext> context_;
  std::string head_;  // a chunk up to its choices
  std::deque<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_stream_format(std::shared_ptr<const AnswerContext> context) {
  return std::make_unique<StreamFormat>(std::move(context));
}

}  // namespace troupe::openai
