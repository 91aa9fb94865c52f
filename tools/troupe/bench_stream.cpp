#include "tools/troupe/bench_stream.hpp"

#include <nlohmann/json.hpp>

#include "runtime/base/utf8.hpp"

namespace troupe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShownBytes = 300;

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

bool has_text(const Json& object, const char* key) {
  const auto* text = member(object, key);
  return text && text->is_string() && !text->get_ref<const std::string&>().empty();
}

bool holds_tokens(const Json& choice) {
  if (has_text(choice, "text")) return true;
  if (const auto* ids = member(choice, "token_ids"); ids && ids->is_array() && !ids->empty()) return true;
  const auto* delta = member(choice, "delta");
  return delta &&
         (has_text(*delta, "content") || has_text(*delta, "reasoning_content") || has_text(*delta, "reasoning"));
}

std::optional<std::uint64_t> count(const Json& usage, const char* key) {
  const auto* number = member(usage, key);
  if (!number || !number->is_number_unsigned()) return std::nullopt;
  return number->get<std::uint64_t>();
}

/// The text of `{"error": {"message": ...}}` or of `{"error": "..."}`.
std::optional<std::string> error_text(const Json& object) {
  const auto* error = member(object, "error");
  if (!error || error->is_null()) return std::nullopt;
  if (error->is_string()) return error->get<std::string>();
  const auto* message = member(*error, "message");
  return message && message->is_string() ? message->get<std::string>() : std::string("an error without a message");
}

}  // namespace

StreamNews read_stream_event(std::string_view data) {
  StreamNews news;
  if (data == "[DONE]") {
    news.done = true;
    return news;
  }
  const auto object = Json::parse(data, nullptr, false);
  if (!object.is_object()) {
    news.error = "an event of the stream is not a JSON object";
    return news;
  }
  if (auto text = error_text(object)) news.error = *std::move(text);
  if (const auto* choices = member(object, "choices"); choices && choices->is_array())
    for (const auto& choice : *choices) news.has_tokens = news.has_tokens || holds_tokens(choice);
  if (const auto* usage = member(object, "usage")) {
    news.prompt_tokens = count(*usage, "prompt_tokens");
    news.completion_tokens = count(*usage, "completion_tokens");
  }
  return news;
}

std::string refusal_message(int status, std::string_view body) {
  const auto object = Json::parse(body, nullptr, false);
  const auto text = error_text(object).value_or(std::string(body.substr(0, kShownBytes)));
  return "HTTP " + std::to_string(status) +
         (text.empty() ? "" : ": " + replace_invalid_utf8(text.substr(0, kShownBytes)));
}

}  // namespace troupe
