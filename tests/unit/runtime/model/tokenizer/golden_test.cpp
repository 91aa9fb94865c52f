// The ids and texts that Hugging Face `tokenizers` gives (tests/golden/make_tokenizer_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe::model {
namespace {

using nlohmann::json;

std::vector<std::string> styles() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/tests/golden/tokenizer")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTokenizer : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream in(TROUPE_SOURCE_DIR "/tests/golden/tokenizer/" + GetParam() + ".json");
    golden_ = json::parse(in);
    auto result = Tokenizer::parse(golden_["tokenizer"].dump(), GetParam());
    ASSERT_TRUE(result.ok()) << result.error().message;
    tokenizer_ = result.value();
    ASSERT_GE(golden_["cases"].size(), 15u);
  }

  static std::string text_of(const json& test) {
    if (test.contains("text")) return test["text"];
    const std::string hex = test["hex"];
    std::string text;
    for (std::size_t i = 0; i < hex.size(); i += 2) text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return text;
  }
  std::vector<TokenId> encode(const json& test, SpecialTokens special, bool add) const {
    auto ids = tokenizer_->encode(text_of(test), special, add);
    EXPECT_TRUE(ids.ok()) << test.dump();
    return ids.ok() ? *ids : std::vector<TokenId>{-1};
  }
  // Every list of ids in the file with the texts that belong to it.
  std::vector<json> decodes() const {
    std::vector<json> all = golden_["decodes"];
    for (json test : golden_["cases"]) {
      test["ids"] = test["with_special"];
      all.push_back(test);
    }
    return all;
  }

  json golden_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(GoldenTokenizer, encodes_as_hugging_face_does) {
  for (const json& test : golden_["cases"]) {
    EXPECT_EQ(encode(test, SpecialTokens::kRecognised, false), test["ids"].get<std::vector<TokenId>>()) << test.dump();
  }
}

TEST_P(GoldenTokenizer, adds_the_template_s_tokens) {
  for (const json& test : golden_["cases"]) {
    EXPECT_EQ(encode(test, SpecialTokens::kRecognised, true), test["with_special"].get<std::vector<TokenId>>())
        << test.dump();
  }
}

TEST_P(GoldenTokenizer, reads_special_tokens_as_text_on_demand) {
  for (const json& test : golden_["cases"]) {
    EXPECT_EQ(encode(test, SpecialTokens::kAsText, false), test["as_text"].get<std::vector<TokenId>>()) << test.dump();
  }
}

TEST_P(GoldenTokenizer, encodes_trusted_parts_as_it_does_their_whole) {
  for (const json& test : golden_["cases"]) {
    const std::string text = text_of(test);
    for (const std::size_t cut : {std::size_t{1}, text.size() / 2, text.size()}) {
      const std::size_t at = std::min(cut, text.size());
      const TextPart parts[] = {{std::string_view(text).substr(0, at), true},
                                {std::string_view(text).substr(at), true}};
      const auto ids = tokenizer_->encode_parts(parts, false);
      ASSERT_TRUE(ids.ok());
      EXPECT_EQ(*ids, test["ids"].get<std::vector<TokenId>>()) << test.dump() << " cut at " << at;
    }
  }
}

TEST_P(GoldenTokenizer, decodes_as_hugging_face_does) {
  for (const json& test : decodes()) {
    const std::vector<TokenId> ids = test["ids"];
    EXPECT_EQ(tokenizer_->decode(ids, false), test["decoded"].get<std::string>()) << test["ids"].dump();
    EXPECT_EQ(tokenizer_->decode(ids, true), test["skipped"].get<std::string>()) << test["ids"].dump();
  }
}

TEST_P(GoldenTokenizer, streams_pieces_that_join_to_the_decoded_text) {
  for (const json& test : decodes()) {
    StreamDetokenizer stream(tokenizer_, true);
    std::string joined;
    for (const TokenId id : test["ids"].get<std::vector<TokenId>>()) joined += stream.push(id);
    joined += stream.finish();
    EXPECT_EQ(joined, test["skipped"].get<std::string>()) << test["ids"].dump();
  }
}

TEST_P(GoldenTokenizer, streams_after_a_prompt_what_the_whole_has_beyond_the_prompt) {
  for (const json& test : decodes()) {
    const std::vector<TokenId> ids = test["ids"];
    const std::string whole = test["decoded"];
    for (std::size_t cut = 0; cut <= ids.size(); cut += 1 + ids.size() / 8) {
      const std::span<const TokenId> prompt(ids.data(), cut);
      const std::string before = tokenizer_->decode(prompt, false);
      if (!whole.starts_with(before)) continue;  // the prompt ends within a character
      StreamDetokenizer stream(tokenizer_, false);
      stream.prime(prompt);
      std::string joined;
      for (std::size_t i = cut; i < ids.size(); ++i) joined += stream.push(ids[i]);
      joined += stream.finish();
      EXPECT_EQ(joined, whole.substr(before.size())) << test["ids"].dump() << " after " << cut;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(styles, GoldenTokenizer, testing::ValuesIn(styles()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace troupe::model
