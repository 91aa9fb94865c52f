#include "runtime/openai/tokenize.hpp"

#include <algorithm>

#include "runtime/openai/answer_json.hpp"
#include "runtime/openai/chat.hpp"
#include "runtime/openai/generation_fields.hpp"
#include "runtime/openai/json_text.hpp"
#include "runtime/openai/prompts.hpp"

namespace troupe::openai {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson card_of(const ServedModel& model, const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", model.created_unix_s},
          {"owned_by", "troupe"},
          {"root", model.names.front()},
          {"parent", nullptr},
          {"max_model_len", model.max_model_len}};
}

}  // namespace

Outcome<std::string> tokenize(std::string_view body, const ServedModel& model, const ApiLimits& limits,
                              std::int64_t now_unix_s) {
  const auto json = parse_json_object(body, {limits.json_depth, limits.json_values});
  if (!json.ok()) return json.error();
  FieldReader fields(json.value(), {});
  read_model_name(fields, model);
  const bool spelled = fields.boolean("return_token_strs").value_or(false);
  const auto add_special = fields.boolean("add_special_tokens");
  PromptInput input;
  const bool is_chat = json.value().contains("messages");
  if (is_chat) {
    input = read_chat(fields, limits);
    fields.unsupported_unless("tools", nullptr);
    if (fields.value("prompt") != nullptr) fields.refuse(invalid("prompt", "Give `prompt` or `messages`, not both."));
  } else if (auto text = fields.string("prompt")) {
    input = std::move(*text);
  } else {
    fields.refuse(invalid("prompt", "`prompt` (a string) or `messages` is missing."));
  }
  fields.refuse_unread();
  if (fields.refusal()) return *fields.refusal();
  const auto tokens = prompt_tokens(input, add_special.value_or(!is_chat), model, now_unix_s);
  if (!tokens.ok()) return tokens.error();
  OrderedJson spellings;
  if (spelled) {
    spellings = OrderedJson::array();
    for (const auto token : tokens.value()) spellings.push_back(model.tokenizer->token_text(token));
  }
  return dumped({{"count", tokens.value().size()},
                 {"max_model_len", model.max_model_len},
                 {"tokens", tokens.value()},
                 {"token_strs", spellings}});
}

Outcome<std::string> detokenize(std::string_view body, const ServedModel& model, const ApiLimits& limits) {
  const auto json = parse_json_object(body, {limits.json_depth, limits.json_values});
  if (!json.ok()) return json.error();
  FieldReader fields(json.value(), {});
  read_model_name(fields, model);
  const auto tokens = fields.token_ids("tokens", limits.json_values, model.vocab_size);
  if (!tokens) fields.refuse(invalid("tokens", "`tokens` is missing: an array of token ids."));
  fields.refuse_unread();
  if (fields.refusal()) return *fields.refusal();
  return dumped({{"prompt", model.tokenizer->decode(*tokens, false)}});
}

std::string model_list(const ServedModel& model) {
  OrderedJson data = OrderedJson::array();
  for (const auto& name : model.names) data.push_back(card_of(model, name));
  return dumped({{"object", "list"}, {"data", std::move(data)}});
}

Outcome<std::string> model_card(const ServedModel& model, std::string_view name) {
  const auto found = std::find(model.names.begin(), model.names.end(), name);
  if (found == model.names.end())
    return ApiError{404,
                    "The model \"" + std::string(name.substr(0, 128)) + "\" is not served here; this server has \"" +
                        model.names.front() + "\".",
                    "model",
                    "model_not_found",
                    {}};
  return dumped(card_of(model, *found));
}

}  // namespace troupe::openai
