// Long and hostile texts: what costs more than the text's length times a logarithm would not end within a test's
// patience.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json with_split(const std::string& pattern) {
  json file = small_tokenizer();
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return file;
}

std::string repeated(const std::string& unit, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

TEST(TokenizerLimits, a_mebibyte_of_one_letter_is_merged) {
  json file = small_tokenizer();
  auto& model = file["model"];
  std::string text = "a";
  int next = 400;
  for (int i = 0; i < 10; ++i) {
    model["merges"].push_back(text + " " + text);
    text += text;
    model["vocab"][text] = next++;
  }
  const auto tokenizer = parsed(file);
  const auto ids = tokenizer->encode(std::string(1 << 20, 'a'), SpecialTokens::kAsText, false);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*ids, std::vector<TokenId>(1024, *tokenizer->id_of(text)));
}

TEST(TokenizerLimits, a_mebibyte_of_any_one_thing_passes_the_split_pattern) {
  const auto tokenizer = parsed(with_split(kLlama3));
  for (const char* unit : {"a", " ", "\n", " \n", "1", "!", "é", "a ", "'s", "\xCC\x81", "\xFF"}) {
    const std::string text = repeated(unit, 1 << 20);
    const auto ids = tokenizer->encode(text, SpecialTokens::kAsText, false);
    ASSERT_TRUE(ids.ok()) << unit << ids.error().message;
    if (unit[0] == '\xFF') continue;
    EXPECT_EQ(tokenizer->decode(*ids, false), unit[0] == ' ' ? text.substr(1) : text) << unit;
  }
}

TEST(TokenizerLimits, a_run_of_marks_is_put_in_order) {
  json file = small_tokenizer();
  file["normalizer"] = {{"type", "NFC"}};
  const auto ids = parsed(file)->encode(repeated("\xCC\x81\xCC\x96", 1 << 20), SpecialTokens::kAsText, false);
  ASSERT_TRUE(ids.ok());
  ASSERT_EQ(ids->size(), std::size_t{1} << 20);
  EXPECT_EQ((*ids)[1], 3 + 0x96);
  EXPECT_EQ(ids->back(), 3 + 0x81);
}

TEST(TokenizerLimits, a_pattern_that_explodes_is_given_up) {
  for (const char* pattern : {R"((a+)+$)", R"((a|aa)+b)", R"((?=(a*)*c)a)"}) {
    const auto ids = parsed(with_split(pattern))->encode(std::string(50'000, 'a') + "!", SpecialTokens::kAsText, false);
    ASSERT_FALSE(ids.ok()) << pattern;
    EXPECT_EQ(ids.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(ids.error().message, HasSubstr("takes too long"));
  }
}

TEST(TokenizerLimits, a_normalizer_that_explodes_is_given_up) {
  json file = small_tokenizer();
  json steps = json::array();
  for (int i = 0; i < 3; ++i)
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(4096, 'a')}});
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  const auto ids = parsed(file)->encode("a", SpecialTokens::kAsText, false);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code, ErrorCode::kTooLarge);
}

TEST(TokenizerLimits, a_decoder_that_explodes_ends) {
  json file = small_tokenizer();
  json steps = json::array();
  for (int i = 0; i < 5; ++i) {
    steps.push_back({{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", std::string(64, 'a')}});
  }
  file["decoder"] = {{"type", "Sequence"}, {"decoders", steps}};
  const auto tokenizer = parsed(file);
  const TokenId token[] = {*tokenizer->id_of("a")};
  EXPECT_LE(tokenizer->decode(token, false).size(), std::size_t{64} << 20);
}

TEST(TokenizerLimits, a_text_over_the_limit_is_refused) {
  const auto ids = parsed(small_tokenizer())->encode(std::string((64 << 20) + 1, 'a'), SpecialTokens::kAsText, false);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code, ErrorCode::kTooLarge);
}

TEST(TokenizerLimits, many_added_tokens_that_nearly_match_cost_little) {
  json file = small_tokenizer();
  for (int i = 0; i < 20'000; ++i) {
    file["added_tokens"].push_back({{"id", 1000 + i},
                                    {"content", "<|reserved_" + std::to_string(i) + "|>"},
                                    {"special", true},
                                    {"normalized", false}});
  }
  const auto tokenizer = parsed(file);
  const auto ids =
      tokenizer->encode(repeated("<|reserved_", 1 << 20) + "<|reserved_77|>", SpecialTokens::kRecognised, false);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->back(), 1077);
}

TEST(TokenizerLimits, several_threads_encode_with_one_tokenizer) {
  const auto tokenizer = parsed(with_split(kLlama3));
  const std::string text = repeated("abc d's 12345  \n e!? <s> é", 20'000);
  const auto expected = tokenizer->encode(text, SpecialTokens::kRecognised, true);
  ASSERT_TRUE(expected.ok());
  std::vector<std::thread> threads;
  std::vector<int> same(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto ids = tokenizer->encode(text, SpecialTokens::kRecognised, true);
      same[static_cast<std::size_t>(t)] =
          ids.ok() && *ids == *expected && tokenizer->decode(*ids, true) == tokenizer->decode(*expected, true);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 1));
}

}  // namespace
}  // namespace troupe::model
