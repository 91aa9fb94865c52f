// A model for tests whose tokens are bytes: token b is the byte b, 256 is <s>, 257 </s>, 258 <|im_start|>, 259
// <|im_end|>.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/openai/served_model.hpp"

namespace troupe::openai {

inline constexpr const char* kChatMl =
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// How byte-level vocabularies spell a byte: printable ones as themselves, the others from U+0100 on, in order (GPT-2's
/// encoder).
inline std::string byte_spelling(int byte) {
  const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  std::string out;
  if (printable(byte)) {
    append_utf8(out, static_cast<char32_t>(byte));
    return out;
  }
  char32_t next = 256;
  for (int b = 0; b < byte; ++b) next += printable(b) ? 0 : 1;
  append_utf8(out, next);
  return out;
}

/// With bos, the tokenizer puts <s> before a text when asked for its special tokens.
inline std::string byte_tokenizer_json() {
  nlohmann::ordered_json vocab;
  for (int byte = 0; byte < 256; ++byte) vocab[byte_spelling(byte)] = byte;
  nlohmann::ordered_json added = nlohmann::ordered_json::array();
  int id = 256;
  for (const char* const content : {"<s>", "</s>", "<|im_start|>", "<|im_end|>"})
    added.push_back({{"id", id++},
                     {"content", content},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  nlohmann::ordered_json json;
  json["version"] = "1.0";
  json["added_tokens"] = added;
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  json["post_processor"] = nlohmann::ordered_json::parse(R"({"type":"TemplateProcessing",
      "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
      "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
      "special_tokens":{"<s>":{"id":"<s>","ids":[256],"tokens":["<s>"]}}})");
  json["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  json["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", nullptr},
                   {"end_of_word_suffix", nullptr},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"vocab", vocab},
                   {"merges", nlohmann::ordered_json::array()}};
  return json.dump();
}

inline ServedModel byte_model() {
  ServedModel model;
  model.names = {"bytes", "test/bytes"};
  model.created_unix_s = 1700000000;
  auto tokenizer = model::Tokenizer::parse(byte_tokenizer_json(), "tokenizer.json");
  CHECK(tokenizer.ok(), tokenizer.ok() ? "" : tokenizer.error().message);
  model.tokenizer = *tokenizer;
  auto chat_template = model::ChatTemplate::parse(kChatMl, "chat_template.jinja");
  CHECK(chat_template.ok(), chat_template.ok() ? "" : chat_template.error().message);
  model.chat_template = *chat_template;
  model.special_tokens["bos_token"] = "<s>";
  model.special_tokens["eos_token"] = "</s>";
  model.max_model_len = 256;
  model.vocab_size = 260;
  model.eos = {257, 259};
  return model;
}

/// The ids of an ASCII text.
inline std::vector<TokenId> bytes_of(const std::string& text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

}  // namespace troupe::openai
