// The fields that completion and chat calls share: sampling, stopping, streaming, what to report.
#pragma once

#include <string>

#include "runtime/openai/call.hpp"
#include "runtime/openai/field_reader.hpp"

namespace troupe::openai {

/// The name to answer under: the one asked for, or the model's first. 404 "model_not_found" for another's.
std::string read_model_name(FieldReader& fields, const ServedModel& model);

/// Reads everything but logprobs, echo and max_tokens, which differ between the two endpoints.
Generation read_generation(FieldReader& fields, const ServedModel& model, const ApiLimits& limits);

/// Ignores the vendor's bookkeeping and refuses, by name, known features that this server does not have.
void read_ignored_and_unsupported(FieldReader& fields);

/// Refuses what contradicts itself. `prompts`: how many the call has.
void check_generation(FieldReader& fields, const Generation& generation, const ApiLimits& limits, std::size_t prompts);

/// The two kinds of call, from a body that is JSON.
Outcome<Call> read_completion_call(const nlohmann::json& body, const ServedModel& model, const ApiLimits& limits);
Outcome<Call> read_chat_call(const nlohmann::json& body, const ServedModel& model, const ApiLimits& limits);

}  // namespace troupe::openai
