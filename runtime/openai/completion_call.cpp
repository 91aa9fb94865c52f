// POST /v1/completions.
#include <limits>

#include "runtime/openai/call.hpp"
#include "runtime/openai/generation_fields.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

ApiError wrong_prompt(const nlohmann::json& got) {
  return invalid("prompt",
                 "`prompt` must be a string, an array of strings, an array of token ids, or an array of arrays of "
                 "token ids, none of "
                 "them empty; got " +
                     shown(got) + ".");
}

Outcome<std::vector<TokenId>> read_token_ids(const nlohmann::json& array, std::int32_t vocab_size) {
  if (array.empty()) return wrong_prompt(array);
  std::vector<TokenId> ids;
  ids.reserve(array.size());
  for (const auto& id : array) {
    if (!id.is_number_integer() && !id.is_number_unsigned()) return wrong_prompt(id);
    // A negative number wraps to one that is larger than any vocabulary.
    const auto number = id.get<std::uint64_t>();
    if (number >= static_cast<std::uint64_t>(vocab_size))
      return invalid("prompt", "`prompt` holds token id " + shown(id) + "; the model's go from 0 to " +
                                   std::to_string(vocab_size - 1) + ".");
    ids.push_back(static_cast<TokenId>(number));
  }
  return ids;
}

Outcome<std::vector<PromptInput>> read_prompts(const nlohmann::json& prompt, const ServedModel& model,
                                               const ApiLimits& limits) {
  std::vector<PromptInput> prompts;
  if (prompt.is_string()) {
    prompts.emplace_back(prompt.get<std::string>());
    return prompts;
  }
  if (!prompt.is_array() || prompt.empty()) return wrong_prompt(prompt);
  if (prompt.front().is_number()) {
    auto ids = read_token_ids(prompt, model.vocab_size);
    if (!ids.ok()) return ids.error();
    prompts.emplace_back(std::move(*ids));
    return prompts;
  }
  if (prompt.size() > limits.prompts)
    return invalid("prompt", "`prompt` may hold at most " + std::to_string(limits.prompts) + " prompts; got " +
                                 std::to_string(prompt.size()) + ".");
  const bool texts = prompt.front().is_string();
  for (const auto& item : prompt) {
    if (texts && item.is_string()) {
      prompts.emplace_back(item.get<std::string>());
    } else if (!texts && item.is_array()) {
      auto ids = read_token_ids(item, model.vocab_size);
      if (!ids.ok()) return ids.error();
      prompts.emplace_back(std::move(*ids));
    } else {
      return wrong_prompt(item);
    }
  }
  return prompts;
}

}  // namespace

Outcome<Call> read_completion_call(const nlohmann::json& body, const ServedModel& model, const ApiLimits& limits) {
  FieldReader fields(body, {});
  Call call;
  call.kind = CallKind::kCompletion;
  call.model = read_model_name(fields, model);
  call.generation = read_generation(fields, model, limits);
  auto& generation = call.generation;
  generation.echo = fields.boolean("echo").value_or(false);
  if (const auto count = fields.integer("logprobs", {0, limits.logprobs}))
    generation.logprobs = static_cast<std::int32_t>(*count);
  if (const auto most = fields.integer("max_tokens", {generation.echo ? 0 : 1, kInt32Max}))
    generation.max_tokens = static_cast<std::int32_t>(*most);
  call.add_special_tokens = fields.boolean("add_special_tokens").value_or(true);
  fields.unsupported_unless("suffix", nullptr);
  fields.unsupported_unless("best_of", generation.n);
  read_ignored_and_unsupported(fields);
  if (const auto* const prompt = fields.value("prompt")) {
    auto prompts = read_prompts(*prompt, model, limits);
    if (prompts.ok())
      call.prompts = std::move(*prompts);
    else
      fields.refuse(prompts.error());
  } else {
    fields.refuse(invalid("prompt", "`prompt` is missing: a string, an array of strings, or token ids."));
  }
  check_generation(fields, generation, limits, call.prompts.size());
  fields.refuse_unread();
  if (fields.refusal()) return *fields.refusal();
  generation.params.logprobs = generation.logprobs.value_or(-1);
  return call;
}

}  // namespace troupe::openai
