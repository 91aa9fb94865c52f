// Tokenizer files for tests: a small sound one, to be changed in one place.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe::model {

/// SentencePiece style: unknown, bytes, "▁", letters a to e, and the merges ab, abc, ▁a; special <s> and </s>, not
/// special <x>.
inline nlohmann::json small_tokenizer() {
  nlohmann::json vocabulary = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  const char* digits = "0123456789ABCDEF";
  for (int b = 0; b < 256; ++b) vocabulary[std::string("<0x") + digits[b / 16] + digits[b % 16] + ">"] = 3 + b;
  int next = 259;
  for (const char* text : {"▁", "a", "b", "c", "d", "e", "ab", "abc", "▁a", "<", ">", "s", "<s"})
    vocabulary[text] = next++;
  const auto added = [](int id, const char* content, bool special) {
    return nlohmann::json{{"id", id},        {"content", content}, {"special", special},  {"normalized", false},
                          {"lstrip", false}, {"rstrip", false},    {"single_word", false}};
  };
  return {{"added_tokens",
           {added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true), added(next, "<x>", false)}},
          {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"byte_fallback", true},
            {"fuse_unk", true},
            {"vocab", vocabulary},
            {"merges", {"a b", "ab c", "▁ a", "< s", "<s >"}}}}};
}

inline std::shared_ptr<const Tokenizer> parsed(const nlohmann::json& file) {
  auto result = Tokenizer::parse(file.dump(), "tokenizer.json");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? result.value() : nullptr;
}

inline std::vector<std::string> texts_of(const Tokenizer& tokenizer, const Result<std::vector<TokenId>>& ids) {
  EXPECT_TRUE(ids.ok()) << (ids.ok() ? "" : ids.error().message);
  std::vector<std::string> texts;
  if (ids.ok()) {
    for (const TokenId id : *ids) texts.push_back(tokenizer.token_text(id));
  }
  return texts;
}

}  // namespace troupe::model
