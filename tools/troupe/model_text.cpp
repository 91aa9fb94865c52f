#include "tools/troupe/model_text.hpp"

#include <optional>
#include <utility>

#include "runtime/base/file.hpp"
#include "runtime/model/json_fields.hpp"

namespace troupe {
namespace {

constexpr std::size_t kConfigBytes = std::size_t{16} << 20;

constexpr const char* kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                         "pad_token", "cls_token", "mask_token"};

/// A token is written as its text, or as an object that has it under "content".
std::optional<std::string> token_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string())
    return value["content"].get<std::string>();
  return {};
}

nlohmann::ordered_json special_tokens(const nlohmann::json& config) {
  auto tokens = nlohmann::ordered_json::object();
  for (const char* name : kSpecialNames) {
    if (!config.contains(name)) continue;
    if (auto text = token_text(config[name])) tokens[name] = *text;
  }
  if (config.contains("additional_special_tokens") && config["additional_special_tokens"].is_array()) {
    auto list = nlohmann::ordered_json::array();
    for (const nlohmann::json& value : config["additional_special_tokens"]) {
      if (auto text = token_text(value)) list.push_back(*text);
    }
    tokens["additional_special_tokens"] = std::move(list);
  }
  return tokens;
}

/// The config's chat_template: a text, or a list of {name, template}.
Result<std::optional<std::string>> template_in(const nlohmann::json& config, const std::string& where) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return std::optional<std::string>{};
  if (found->is_string()) return std::optional<std::string>(found->get<std::string>());
  if (found->is_array()) {
    for (const nlohmann::json& entry : *found) {
      if (!entry.is_object() || !entry.contains("name") || entry["name"] != "default") continue;
      if (entry.contains("template") && entry["template"].is_string())
        return std::optional<std::string>(entry["template"].get<std::string>());
    }
  }
  return Error{ErrorCode::kInvalidInput,
               where + ": chat_template must be a text, or a list of {name, template} with one named \"default\"."};
}

}  // namespace

Result<ModelText> load_model_text(const std::string& directory) {
  ModelText text;
  TRY(tokenizer, model::Tokenizer::load(directory));
  text.tokenizer = std::move(tokenizer);

  const std::string config_path = directory + "/tokenizer_config.json";
  auto config = nlohmann::json::object();
  auto read = model::read_json_object(config_path, kConfigBytes);
  if (read.ok()) {
    config = std::move(read).value();
  } else if (read.error().code != ErrorCode::kMissingInput) {
    return std::move(read).error();
  }
  text.special_tokens = special_tokens(config);

  std::string name = directory + "/chat_template.jinja";
  std::optional<std::string> source;
  auto file = read_file(name, model::TemplateLimits{}.source_bytes);
  if (file.ok()) {
    source = std::move(file).value();
  } else if (file.error().code != ErrorCode::kMissingInput) {
    return std::move(file).error();
  } else {
    name = config_path + " chat_template";
    TRY(from_config, template_in(config, config_path));
    source = std::move(from_config);
  }
  if (source) {
    TRY(parsed, model::ChatTemplate::parse(*source, name));
    text.chat_template = std::move(parsed);
  }
  return text;
}

}  // namespace troupe
