#include "tools/troupe/chat.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/utf8.hpp"

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;

Result<void> require_utf8(const std::string& text, const char* what) {
  if (is_valid_utf8(text)) return {};
  return Error{ErrorCode::kInvalidInput,
               std::string(what) + " is not UTF-8 text. Check the terminal's or the file's encoding."};
}

void add_sampling(Json& body, const ChatSampling& sampling) {
  if (sampling.temperature) body["temperature"] = *sampling.temperature;
  if (sampling.top_p) body["top_p"] = *sampling.top_p;
  if (sampling.seed) body["seed"] = *sampling.seed;
  if (sampling.max_tokens) body["max_tokens"] = *sampling.max_tokens;
}

Json message(const char* role, const std::string& content) { return {{"role", role}, {"content", content}}; }

}  // namespace

Result<void> Chat::set_system(const std::string& text) {
  TRY_VOID(require_utf8(text, "The system text"));
  system_ = text;
  return {};
}

Result<std::string> Chat::ask(const std::string& question) const {
  TRY_VOID(require_utf8(question, "The prompt"));
  Json body;
  body["messages"] = Json::array();
  if (!system_.empty()) body["messages"].push_back(message("system", system_));
  for (const Turn& turn : turns_) {
    body["messages"].push_back(message("user", turn.question));
    body["messages"].push_back(message("assistant", turn.answer));
  }
  body["messages"].push_back(message("user", question));
  add_sampling(body, sampling_);
  return body.dump();
}

Result<std::string> Chat::complete(const std::string& prompt) const {
  TRY_VOID(require_utf8(prompt, "The prompt"));
  Json body;
  body["prompt"] = prompt;
  add_sampling(body, sampling_);
  return body.dump();
}

void Chat::remember(std::string question, std::string answer) {
  turns_.push_back({std::move(question), replace_invalid_utf8(answer)});
}

}  // namespace troupe
