// Conversations: from the fields of a body to the text that the model's template makes of them.
// Promises: what a client wrote stays marked as its own, so that no spelling of a special token in it becomes that
// token.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/openai/call.hpp"
#include "runtime/openai/field_reader.hpp"

namespace troupe::openai {

/// Reads `messages`, `add_generation_prompt`, `continue_final_message` and `chat_template_kwargs`; refuses a template
/// of the client's own. A message's content is a string, or an array of {"type":"text"} parts, which are joined by line
/// ends as vLLM joins them. The role "developer" is the template's "system".
Chat read_chat(FieldReader& fields, const ApiLimits& limits);

/// The conversation through the model's template. `now_unix_s` is what the template may show as today's date. With
/// continue_final_message the text ends where the last message's text does.
Outcome<std::vector<model::RenderedPart>> render_chat(const Chat& chat, const ServedModel& model,
                                                      std::int64_t now_unix_s);

}  // namespace troupe::openai
