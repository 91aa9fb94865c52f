#include "runtime/model/chat_template/chat_template.hpp"

#include "runtime/base/utf8.hpp"
#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/parser.hpp"

namespace troupe::model {

ChatTemplate::ChatTemplate(std::unique_ptr<const ParsedTemplate> parsed) : parsed_(std::move(parsed)) {}
ChatTemplate::~ChatTemplate() = default;

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source, const std::string& name,
                                                                TemplateLimits limits) {
  if (source.size() > limits.source_bytes) {
    return Error{ErrorCode::kTooLarge, name + ": the template has " + std::to_string(source.size()) +
                                           " bytes; the limit is " + std::to_string(limits.source_bytes)};
  }
  if (!is_valid_utf8(source))
    return Error{ErrorCode::kInvalidInput, name + ": the template is not valid UTF-8; save it as UTF-8"};
  TRY(tokens, jinja::tokenize(source, name));
  TRY(parsed, jinja::Parser(std::move(tokens), name, limits).run());
  auto owned = std::make_unique<const ParsedTemplate>(std::move(parsed));
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(std::move(owned)));
}

Result<std::vector<RenderedPart>> ChatTemplate::render(const nlohmann::ordered_json& context,
                                                       std::int64_t now_unix_s) const {
  jinja::Budget budget(parsed_->limits);
  TRY(variables, jinja::context_from_json(budget, context));
  jinja::Evaluator evaluator(*parsed_, budget, now_unix_s);
  TRY(text, evaluator.run(variables));
  std::vector<RenderedPart> parts;
  text.for_each_run([&parts](std::string_view bytes, bool trusted) { parts.push_back({std::string(bytes), trusted}); });
  return parts;
}

}  // namespace troupe::model
