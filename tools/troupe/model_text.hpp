// The part of a checkpoint that turns conversations into tokens: tokenizer, chat template, special tokens.
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "runtime/base/result.hpp"
#include "runtime/model/chat_template/chat_template.hpp"
#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe {

struct ModelText {
  std::shared_ptr<const model::Tokenizer> tokenizer;
  std::shared_ptr<const model::ChatTemplate> chat_template;  ///< null: the model is no chat model
  /// bos_token, eos_token, ... of tokenizer_config.json as the template sees them: texts; additional_special_tokens: a
  /// list of texts.
  nlohmann::ordered_json special_tokens = nlohmann::ordered_json::object();
};

/// Reads tokenizer.json, tokenizer_config.json (optional) and chat_template.jinja (optional; it wins over the config's
/// template, of which "default" is taken where there are several). Errors name the file and what in it is not
/// supported.
Result<ModelText> load_model_text(const std::string& directory);

}  // namespace troupe
