#include "runtime/model/tokenizer/post_processor.hpp"

#include <string>

#include "runtime/model/tokenizer/normalizer.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"

namespace troupe::model::tok {

Result<PostProcessor> PostProcessor::parse(const Fields& tokenizer, std::size_t id_bound) {
  PostProcessor processor;
  if (tokenizer.find("post_processor")) {
    TRY(component, tokenizer.object("post_processor"));
    TRY_VOID(processor.add(component, id_bound));
  }
  return processor;
}

Result<void> PostProcessor::add(const Fields& component, std::size_t id_bound) {
  TRY(type, component.text("type"));
  if (type == "ByteLevel") return {};  // corrects offsets, which nobody asks for here
  if (type == "TemplateProcessing") return add_template(component, id_bound);
  if (type != "Sequence") {
    return component.unsupported("post-processor", type, "Sequence, ByteLevel and TemplateProcessing");
  }
  TRY(parts, component.objects("processors", kMaxComponents));
  for (const Fields& part : parts) TRY_VOID(add(part, id_bound));
  return {};
}

Result<void> PostProcessor::add_template(const Fields& component, std::size_t id_bound) {
  TRY(pieces, component.objects("single", kMaxComponents));
  std::vector<TokenId> before, behind;
  int texts = 0;
  for (const Fields& piece : pieces) {
    if (piece.find("Sequence")) {
      TRY(text, piece.object("Sequence"));
      TRY(name, text.text("id"));
      if (name != "A") return text.wrong("id", "\"A\", the one text of a single template");
      ++texts;
      continue;
    }
    TRY(special, piece.object("SpecialToken"));
    TRY(name, special.text("id"));
    TRY(specials, component.object("special_tokens"));
    TRY(definition, specials.object(name.c_str()));
    const auto* ids = definition.find("ids");
    if (!ids || !ids->is_array() || ids->size() > kMaxComponents) {
      return definition.wrong("ids", "an array of at most " + std::to_string(kMaxComponents) + " token ids");
    }
    for (const auto& id : *ids) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= id_bound) {
        return Error{ErrorCode::kInvalidInput,
                     definition.where("ids") + " has " +
                         id.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 40) +
                         ", expected ids of tokens, below " + std::to_string(id_bound)};
      }
      (texts == 0 ? before : behind).push_back(id.get<TokenId>());
    }
  }
  if (texts != 1) {
    return Error{ErrorCode::kUnsupported, component.where("single") + " has the text " + std::to_string(texts) +
                                              " times; Troupe supports templates with it once"};
  }
  // A later processor of a sequence goes around what an earlier one made.
  before_.insert(before_.begin(), before.begin(), before.end());
  behind_.insert(behind_.end(), behind.begin(), behind.end());
  return {};
}

std::vector<TokenId> PostProcessor::apply(std::vector<TokenId> tokens) const {
  tokens.insert(tokens.begin(), before_.begin(), before_.end());
  tokens.insert(tokens.end(), behind_.begin(), behind_.end());
  return tokens;
}

}  // namespace troupe::model::tok
