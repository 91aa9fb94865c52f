#include "runtime/openai/call.hpp"

#include "runtime/openai/generation_fields.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {

Outcome<Call> parse_completion_call(std::string_view body, const ServedModel& model, const ApiLimits& limits) {
  const auto json = parse_json_object(body, {limits.json_depth, limits.json_values});
  return json.ok() ? read_completion_call(json.value(), model, limits) : json.error();
}

Outcome<Call> parse_chat_call(std::string_view body, const ServedModel& model, const ApiLimits& limits) {
  const auto json = parse_json_object(body, {limits.json_depth, limits.json_values});
  return json.ok() ? read_chat_call(json.value(), model, limits) : json.error();
}

Outcome<Call> parse_either_call(std::string_view body, const ServedModel& model, const ApiLimits& limits) {
  const auto json = parse_json_object(body, {limits.json_depth, limits.json_values});
  if (!json.ok()) return json.error();
  return json.value().contains("prompt") ? read_completion_call(json.value(), model, limits)
                                         : read_chat_call(json.value(), model, limits);
}

}  // namespace troupe::openai
