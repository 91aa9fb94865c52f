#include "runtime/openai/prompts.hpp"

#include <algorithm>

#include "runtime/openai/chat.hpp"

namespace troupe::openai {
namespace {

/// What OpenAI's API generates for a completion that does not say.
constexpr std::int32_t kDefaultCompletionTokens = 16;

const char* name_of(CallKind kind) { return kind == CallKind::kChat ? "messages" : "prompt"; }

ApiError too_long(const Call& call, std::size_t tokens, std::int32_t answer, const ServedModel& model) {
  const auto context = std::to_string(model.max_model_len);
  const auto count = std::to_string(tokens);
  const std::string message =
      answer == 0 ? "This model's maximum context length is " + context +
                        " tokens, of which one at least is the answer's. However, your `" + name_of(call.kind) +
                        "` came to " + count + " tokens. Please shorten it."
                  : "This model's maximum context length is " + context + " tokens. However, you requested " +
                        std::to_string(static_cast<std::int64_t>(tokens) + answer) + " tokens (" + count + " in the `" +
                        name_of(call.kind) + "`, " + std::to_string(answer) +
                        " in the completion). Please shorten the prompt or lower `max_tokens`.";
  return {400, message, answer == 0 ? name_of(call.kind) : "max_tokens", "context_length_exceeded", {}};
}

Outcome<std::int32_t> answer_length(const Call& call, std::size_t tokens, const ServedModel& model,
                                    const ApiLimits& limits) {
  if (limits.prompt_tokens > 0 && tokens > static_cast<std::size_t>(limits.prompt_tokens))
    return ApiError{400,
                    std::string("`") + name_of(call.kind) + "` came to " + std::to_string(tokens) +
                        " tokens; this server takes at most " + std::to_string(limits.prompt_tokens) + ".",
                    name_of(call.kind),
                    "context_length_exceeded",
                    {}};
  if (tokens >= static_cast<std::size_t>(model.max_model_len)) return too_long(call, tokens, 0, model);
  const auto room = model.max_model_len - static_cast<std::int32_t>(tokens);
  const auto& wanted = call.generation.max_tokens;
  if (!wanted) {
    const auto most = limits.completion_tokens > 0 ? std::min(room, limits.completion_tokens) : room;
    const auto length = call.kind == CallKind::kChat ? most : std::min(most, kDefaultCompletionTokens);
    if (call.generation.min_tokens > length)
      return invalid("min_tokens", "`min_tokens` (" + std::to_string(call.generation.min_tokens) +
                                       ") is more than the " + std::to_string(length) +
                                       " tokens that this call may generate; give `max_tokens`.");
    return length;
  }
  if (limits.completion_tokens > 0 && *wanted > limits.completion_tokens)
    return invalid("max_tokens", "`max_tokens` is " + std::to_string(*wanted) + "; this server generates at most " +
                                     std::to_string(limits.completion_tokens) + " tokens for an answer.");
  if (*wanted > room) return too_long(call, tokens, *wanted, model);
  // Scoring a prompt runs as a request for one token that nobody is shown.
  return std::max(1, *wanted);
}

}  // namespace

Outcome<std::vector<TokenId>> prompt_tokens(const PromptInput& input, bool add_special_tokens, const ServedModel& model,
                                            std::int64_t now_unix_s) {
  if (const auto* const ids = std::get_if<std::vector<TokenId>>(&input)) return *ids;
  const auto encode = [&]() -> Outcome<Result<std::vector<TokenId>>> {
    if (const auto* const text = std::get_if<std::string>(&input))
      return model.tokenizer->encode(*text, model::SpecialTokens::kRecognised, add_special_tokens);
    auto rendered = render_chat(std::get<Chat>(input), model, now_unix_s);
    if (!rendered.ok()) return rendered.error();
    std::vector<model::TextPart> parts;
    parts.reserve(rendered->size());
    for (const auto& part : *rendered) parts.push_back({part.text, part.trusted});
    return model.tokenizer->encode_parts(parts, add_special_tokens);
  };
  auto encoded = encode();
  if (!encoded.ok()) return encoded.error();
  if (!encoded->ok()) return from_error(encoded->error(), 0);
  auto tokens = std::move(*encoded).value();
  const auto beyond =
      std::find_if(tokens.begin(), tokens.end(), [&](TokenId id) { return id < 0 || id >= model.vocab_size; });
  if (beyond != tokens.end())
    return invalid("prompt", "The text holds \"" + model.tokenizer->token_text(*beyond) +
                                 "\", which the tokenizer knows and the model does not.");
  return tokens;
}

Outcome<std::vector<Prompt>> make_prompts(const Call& call, const ServedModel& model, const ApiLimits& limits,
                                          std::int64_t now_unix_s) {
  std::vector<Prompt> prompts;
  prompts.reserve(call.prompts.size());
  for (const auto& input : call.prompts) {
    Prompt prompt;
    auto tokens = prompt_tokens(input, call.add_special_tokens, model, now_unix_s);
    if (!tokens.ok()) return tokens.error();
    prompt.tokens = std::move(*tokens);
    if (prompt.tokens.empty())
      return invalid(name_of(call.kind),
                     std::string("`") + name_of(call.kind) + "` holds no tokens; expected at least one.");
    auto length = answer_length(call, prompt.tokens.size(), model, limits);
    if (!length.ok()) return length.error();
    prompt.max_tokens = *length;
    if (call.generation.echo) {
      const auto* const text = std::get_if<std::string>(&input);
      prompt.text =
          text != nullptr ? *text : model.tokenizer->decode(prompt.tokens, call.generation.skip_special_tokens);
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

std::shared_ptr<const device::SamplingSpec> sampling_spec(const Generation& generation, const ServedModel& model,
                                                          std::uint64_t seed, std::uint64_t choice) {
  auto spec = std::make_shared<device::SamplingSpec>();
  spec->params = generation.params;
  spec->seed = seed;
  spec->choice = choice;
  spec->stop_tokens = generation.stop_token_ids;
  // ignore_eos lets only the model's own ends pass; a stop token that the client named still stops.
  if (!generation.ignore_eos) spec->stop_tokens.insert(spec->stop_tokens.end(), model.eos.begin(), model.eos.end());
  std::sort(spec->stop_tokens.begin(), spec->stop_tokens.end());
  spec->stop_tokens.erase(std::unique(spec->stop_tokens.begin(), spec->stop_tokens.end()), spec->stop_tokens.end());
  spec->min_tokens = generation.min_tokens;
  spec->prompt_logprobs = generation.prompt_alternatives();
  return spec;
}

}  // namespace troupe::openai
