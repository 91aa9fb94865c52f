// Pieces of JSON that the streamed and the whole shape of an answer share.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/openai/answer.hpp"

namespace troupe::openai {

/// Compact text; what is not UTF-8 comes out as U+FFFD.
std::string dumped(const nlohmann::ordered_json& json);

/// "id", "object", "created", "model", "system_fingerprint".
nlohmann::ordered_json answer_head(const AnswerContext& context, const char* object);

nlohmann::ordered_json usage_json(Usage usage);

/// null, a string, or a token id.
nlohmann::ordered_json stop_reason_json(const StopReason& reason);

void append_ids(nlohmann::ordered_json& array, const std::vector<AnswerToken>& tokens);

}  // namespace troupe::openai
