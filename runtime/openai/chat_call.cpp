// POST /v1/chat/completions.
#include <limits>

#include "runtime/openai/call.hpp"
#include "runtime/openai/chat.hpp"
#include "runtime/openai/generation_fields.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

void refuse_tools(FieldReader& fields) {
  for (const char* const name :
       {"tools", "functions", "audio", "web_search_options", "reasoning_effort", "verbosity", "reasoning", "thinking"})
    fields.unsupported_unless(name, nullptr);
  fields.unsupported_unless("function_call", "none");
  fields.unsupported_unless("modalities", nlohmann::json::array({"text"}));
  fields.unsupported_unless("echo", false);
  const auto* const choice = fields.value("tool_choice");
  // Without tools, "auto" and "none" say the same.
  if (choice != nullptr && *choice != "none" && *choice != "auto")
    fields.refuse(unsupported("tool_choice",
                              "`tool_choice` is not supported by this server other than as \"none\"; leave it out."));
}

void read_logprobs(FieldReader& fields, const ApiLimits& limits, Generation& generation) {
  const bool wanted = fields.boolean("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs", {0, limits.logprobs});
  if (wanted)
    generation.logprobs = static_cast<std::int32_t>(top.value_or(0));
  else if (top.value_or(0) > 0)
    fields.refuse(invalid("top_logprobs", "`top_logprobs` may only be given with `logprobs`: true."));
}

void read_max_tokens(FieldReader& fields, Generation& generation) {
  const auto older = fields.integer("max_tokens", {1, kInt32Max});
  const auto newer = fields.integer("max_completion_tokens", {1, kInt32Max});
  if (older && newer && *older != *newer)
    fields.refuse(invalid("max_tokens",
                          "`max_tokens` is the older name of `max_completion_tokens`; they differ: give one of them."));
  if (older || newer) generation.max_tokens = static_cast<std::int32_t>(newer ? *newer : *older);
}

}  // namespace

Outcome<Call> read_chat_call(const nlohmann::json& body, const ServedModel& model, const ApiLimits& limits) {
  FieldReader fields(body, {});
  Call call;
  call.kind = CallKind::kChat;
  call.model = read_model_name(fields, model);
  call.generation = read_generation(fields, model, limits);
  read_max_tokens(fields, call.generation);
  read_logprobs(fields, limits, call.generation);
  // The template writes what special tokens the conversation needs.
  call.add_special_tokens = fields.boolean("add_special_tokens").value_or(false);
  refuse_tools(fields);
  fields.unsupported_unless("best_of", call.generation.n);
  read_ignored_and_unsupported(fields);
  call.prompts.emplace_back(read_chat(fields, limits));
  check_generation(fields, call.generation, limits, 1);
  fields.refuse_unread();
  if (fields.refusal()) return *fields.refusal();
  call.generation.params.logprobs = call.generation.logprobs.value_or(-1);
  return call;
}

}  // namespace troupe::openai
