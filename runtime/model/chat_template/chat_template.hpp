// Chat templates: a subset of Jinja, wide enough for the templates published with chat models, with nothing of the host
// in reach.
//
// Owns the parsed template. Promises: the text that python's jinja2 renders, set up as transformers does (trim_blocks,
// lstrip_blocks, loop controls, `generation`, tojson by json.dumps, the sandbox's refusals), or an Error; every byte of
// the output says whether the template or the user wrote it; source, nesting, steps and output are bounded. Refuses at
// load, by name, what it does not know: tags, filters, tests and globals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::model {

/// A stretch of rendered text. Special tokens may be recognised in trusted parts only.
struct RenderedPart {
  std::string text;
  bool trusted = false;  ///< from the template's own text or literals, or a special token handed in; not from a message
};

/// Every bound is inclusive; going past one is kTooLarge.
struct TemplateLimits {
  std::size_t source_bytes = std::size_t{256} << 10;
  int nesting = 64;  ///< statements in statements, expressions in expressions, calls in calls, data in data
  std::int64_t steps =
      1'000'000;  ///< one for each expression and statement evaluated, element copied, 128 bytes handled
  std::size_t output_bytes = std::size_t{4} << 20;  ///< of the output, and of any string on the way
};

struct ParsedTemplate;

/// One template, immutable once parsed: any number of threads may render it at once.
class ChatTemplate {
 public:
  /// `name` stands before line:column in messages ("chat_template.jinja:3:7: ..."). kInvalidInput for a syntax error,
  /// kUnsupported for a tag, filter, test, method or global that is not known here, kTooLarge past a limit.
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source, const std::string& name,
                                                           TemplateLimits limits = {});

  /// Renders with `context`, an object: `messages`, `add_generation_prompt`, special tokens, `tools`, `documents`, and
  /// any further variable. Trusted are the strings under bos_token, eos_token, unk_token, sep_token, pad_token,
  /// cls_token, mask_token and additional_special_tokens, so a request must not be able to set those, and
  /// `messages[i].role` where it is system, user, assistant, tool, developer or function; all else is the user's.
  /// `now_unix_s` is what strftime_now shows, as UTC. Neighbouring parts differ in trust; no part is empty.
  /// kInvalidInput with the template's own words for raise_exception, with name:line:column for an operation that fails
  /// (an attribute of an undefined value, 'a' + 1), kTooLarge past a limit.
  Result<std::vector<RenderedPart>> render(const nlohmann::ordered_json& context, std::int64_t now_unix_s) const;

  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;
  ~ChatTemplate();

 private:
  explicit ChatTemplate(std::unique_ptr<const ParsedTemplate> parsed);
  std::unique_ptr<const ParsedTemplate> parsed_;
};

}  // namespace troupe::model
