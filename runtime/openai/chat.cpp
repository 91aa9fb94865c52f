#include "runtime/openai/chat.hpp"

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {
namespace {

const std::vector<std::string> kRoles = {"system", "developer", "user", "assistant", "tool"};

/// The text of a message's `content`; `parts` counts the parts of all messages.
std::string read_content(FieldReader& message, const ApiLimits& limits, std::size_t& parts) {
  const auto* const content = message.value("content");
  const auto path = message.path_of("content");
  if (content != nullptr && content->is_string()) return content->get<std::string>();
  if (content == nullptr || !content->is_array()) {
    message.refuse(invalid(path, "`" + path + "` must be a string or an array of text parts" +
                                     (content == nullptr ? "; it is missing." : "; got " + shown(*content) + ".")));
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const auto& item = (*content)[i];
    const auto here = path + "[" + std::to_string(i) + "]";
    if (++parts > limits.content_parts) {
      message.refuse(
          invalid(path, "The messages hold more than " + std::to_string(limits.content_parts) + " content parts."));
      return {};
    }
    if (!item.is_object()) {
      message.refuse(invalid(here, "`" + here + "` must be an object like {\"type\":\"text\",\"text\":\"...\"}; got " +
                                       shown(item) + "."));
      return {};
    }
    FieldReader part(item, here + ".");
    const auto type = part.string("type");
    if (!part.refusal() && type && *type != "text")
      part.refuse(unsupported(here + ".type", "`" + here + ".type` \"" + type->substr(0, 40) +
                                                  "\" is not supported; this model takes text only."));
    const auto words = part.string("text");
    if (!type || !words) part.refuse(invalid(here, "`" + here + "` must have `type`: \"text\" and a string `text`."));
    part.refuse_unread();
    if (part.refusal()) {
      message.refuse(*part.refusal());
      return {};
    }
    if (i > 0) text += '\n';
    text += *words;
  }
  return text;
}

nlohmann::ordered_json read_message(FieldReader& message, const ApiLimits& limits, std::size_t& parts) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  const auto role = message.string("role");
  const auto path = message.path_of("role");
  if (!role || std::find(kRoles.begin(), kRoles.end(), *role) == kRoles.end()) {
    message.refuse(
        invalid(path, "`" + path + "` must be one of system, developer, user, assistant and tool" +
                          (role ? "; got \"" + role->substr(0, 40) + "\"" + did_you_mean(role->substr(0, 40), kRoles)
                                : "; it is missing") +
                          "."));
    return out;
  }
  // Templates written for open models know no developer; it is OpenAI's newer name for the system's role.
  out["role"] = *role == "developer" ? "system" : *role;
  message.unsupported_unless("tool_calls", nullptr);
  message.unsupported_unless("function_call", nullptr);
  message.unsupported_unless("audio", nullptr);
  message.ignore({"refusal", "annotations"});  // of an answer that is handed back
  out["content"] = read_content(message, limits, parts);
  for (const char* const name : {"name", "tool_call_id", "reasoning_content"})
    if (const auto text = message.string(name)) out[name] = *text;
  message.refuse_unread();
  return out;
}

void read_messages(FieldReader& fields, const ApiLimits& limits, Chat& chat) {
  const auto* const field = fields.value("messages");
  if (field == nullptr || !field->is_array() || field->empty() || field->size() > limits.messages)
    return fields.refuse(
        invalid("messages", "`messages` must be an array of 1 to " + std::to_string(limits.messages) + " messages" +
                                (field == nullptr ? "; it is missing." : "; got " + shown(*field) + ".")));
  std::size_t parts = 0;
  for (std::size_t i = 0; i < field->size(); ++i) {
    const auto here = "messages[" + std::to_string(i) + "]";
    if (!(*field)[i].is_object())
      return fields.refuse(
          invalid(here, "`" + here + "` must be an object with `role` and `content`; got " + shown((*field)[i]) + "."));
    FieldReader message((*field)[i], here + ".");
    auto read = read_message(message, limits, parts);
    if (message.refusal()) return fields.refuse(*message.refusal());
    chat.messages.push_back(std::move(read));
  }
}

void read_template_kwargs(FieldReader& fields, const ApiLimits& limits, Chat& chat) {
  const auto* const field = fields.value("chat_template_kwargs");
  if (field == nullptr) return;
  if (!field->is_object())
    return fields.refuse(
        invalid("chat_template_kwargs", "`chat_template_kwargs` must be an object; got " + shown(*field) + "."));
  for (const auto& [name, value] : field->items()) {
    const auto path = "chat_template_kwargs." + name.substr(0, 64);
    if (std::find(limits.template_kwargs.begin(), limits.template_kwargs.end(), name) == limits.template_kwargs.end())
      return fields.refuse(unsupported(path, "`" + path + "` is not a template variable that a call may set" +
                                                 did_you_mean(name.substr(0, 64), limits.template_kwargs) + "."));
    if (value.is_structured() || (value.is_string() && value.get_ref<const std::string&>().size() > 1024))
      return fields.refuse(
          invalid(path, "`" + path + "` must be true, false, a number, or a string of at most 1024 bytes; got " +
                            shown(value) + "."));
    chat.template_kwargs[name] = value;
  }
}

std::string_view trim_left(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n\v\f"), text.size()));
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(" \t\r\n\v\f") + 1);
}

/// Cuts what the template put behind the last message's text; false where that text is not to be found. Only what came
/// from the messages is searched: the template's own words may look like it.
bool cut_after(std::vector<model::RenderedPart>& parts, std::string_view message) {
  const auto wanted = trim(message);
  const auto whole = trim_left(message);
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (parts[i].trusted) continue;
    const auto at = parts[i].text.rfind(wanted);
    if (at == std::string::npos) continue;
    const bool spaces_kept = std::string_view(parts[i].text).substr(at, whole.size()) == whole;
    parts[i].text.resize(at + (spaces_kept ? whole.size() : wanted.size()));
    parts.resize(i + 1);
    return true;
  }
  return false;
}

}  // namespace

Chat read_chat(FieldReader& fields, const ApiLimits& limits) {
  Chat chat;
  read_messages(fields, limits, chat);
  read_template_kwargs(fields, limits, chat);
  const auto generation = fields.boolean("add_generation_prompt");
  chat.continue_final_message = fields.boolean("continue_final_message").value_or(false);
  chat.add_generation_prompt = generation.value_or(!chat.continue_final_message);
  fields.unsupported_unless("chat_template", nullptr);
  fields.unsupported_unless("documents", nullptr);
  if (!chat.continue_final_message || fields.refusal()) return chat;
  const auto& last = chat.messages.back();
  if (chat.add_generation_prompt)
    fields.refuse(
        invalid("continue_final_message", "`continue_final_message` and `add_generation_prompt` cannot both be true."));
  else if (last["role"] != "assistant" || trim(last["content"].get_ref<const std::string&>()).empty())
    fields.refuse(invalid("continue_final_message",
                          "`continue_final_message` needs a last message with role \"assistant\" and some text."));
  return chat;
}

Outcome<std::vector<model::RenderedPart>> render_chat(const Chat& chat, const ServedModel& model,
                                                      std::int64_t now_unix_s) {
  if (!model.chat_template)
    return ApiError{400,
                    "This model comes without a chat template, so that messages have no meaning to it; use "
                    "/v1/completions with a prompt.",
                    "messages",
                    "no_chat_template",
                    {}};
  nlohmann::ordered_json context = chat.template_kwargs;
  for (const auto& [name, value] : model.special_tokens.items()) context[name] = value;
  context["messages"] = chat.messages;
  context["add_generation_prompt"] = chat.add_generation_prompt;
  auto parts = model.chat_template->render(context, now_unix_s);
  if (!parts.ok()) {
    auto error = from_error(parts.error(), 0);
    error.param = "messages";
    return error;
  }
  if (chat.continue_final_message && !cut_after(*parts, chat.messages.back()["content"].get_ref<const std::string&>()))
    return invalid("continue_final_message",
                   "The model's chat template does not show the last message as it is, so it cannot be continued.");
  return std::move(*parts);
}

}  // namespace troupe::openai
