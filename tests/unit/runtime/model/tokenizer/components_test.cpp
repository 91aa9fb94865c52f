// What the golden files do not reach: parts by themselves, and files as older versions wrote them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/model/tokenizer/bpe.hpp"
#include "runtime/model/tokenizer/byte_level.hpp"
#include "runtime/model/tokenizer/flat_table.hpp"
#include "runtime/model/tokenizer/unicode.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"
#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model::tok {
namespace {

using nlohmann::json;
using testing::ElementsAre;

TEST(ByteLevelAlphabet, spells_every_byte_and_reads_it_back) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    std::string spelled;
    append_byte_characters(spelled, text);
    EXPECT_EQ(bytes_of_characters(spelled), text);
  }
  EXPECT_EQ(byte_character(' '), 0x120u);
  EXPECT_EQ(byte_character('\n'), 0x10Au);
  EXPECT_EQ(bytes_of_characters("a ▁"), "a ▁");
}

TEST(NormalForms, compose_and_decompose) {
  EXPECT_EQ(normal_form("e\u0301", NormalForm::kNfc), "\u00e9");
  EXPECT_EQ(normal_form("\u00e9", NormalForm::kNfd), "e\u0301");
  EXPECT_EQ(normal_form("ﬁ²", NormalForm::kNfkc), "fi2");
  EXPECT_EQ(normal_form("ﬁ²", NormalForm::kNfc), "ﬁ²");
  EXPECT_EQ(normal_form("각", NormalForm::kNfkd), "\u1100\u1161\u11a8");
  EXPECT_EQ(normal_form("a\u0301\u0316", NormalForm::kNfc), "\u00e1\u0316");
}

TEST(Vocabulary, tells_what_is_taken) {
  Vocabulary vocabulary;
  EXPECT_EQ(vocabulary.add("a", 7), Vocabulary::Added::kYes);
  EXPECT_EQ(vocabulary.add("a", 8), Vocabulary::Added::kTextTaken);
  EXPECT_EQ(vocabulary.add("b", 7), Vocabulary::Added::kIdTaken);
  EXPECT_EQ(vocabulary.id_bound(), 8u);
  EXPECT_EQ(vocabulary.text(7), "a");
  EXPECT_FALSE(vocabulary.has(3));
  EXPECT_EQ(vocabulary.find("b"), std::nullopt);
}

TEST(FlatTable, keeps_every_key_as_it_grows) {
  FlatTable<int> table;
  EXPECT_EQ(table.find(1), nullptr);
  for (int i = 0; i < 10'000; ++i) table[static_cast<std::uint64_t>(i) << 32] = i;
  EXPECT_EQ(table.size(), 10'000u);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(*table.find(static_cast<std::uint64_t>(i) << 32), i);
}

// The definition: again and again, the pair of lowest rank is merged, the leftmost first.
TEST(Bpe, merges_as_the_definition_does) {
  RandomStream random(5);
  for (int round = 0; round < 60; ++round) {
    Vocabulary vocabulary;
    std::vector<std::string> texts = {"a", "b", "c"};
    for (int i = 0; i < 3; ++i) vocabulary.add(texts[static_cast<std::size_t>(i)], i);
    std::vector<std::pair<TokenId, TokenId>> merges;
    while (texts.size() < 25) {
      const auto left = static_cast<TokenId>(random.below(texts.size())),
                 right = static_cast<TokenId>(random.below(texts.size()));
      const std::string text = texts[static_cast<std::size_t>(left)] + texts[static_cast<std::size_t>(right)];
      if (text.size() > 12) continue;
      if (vocabulary.add(text, static_cast<TokenId>(texts.size())) == Vocabulary::Added::kYes) texts.push_back(text);
      merges.emplace_back(left, right);
    }
    Bpe bpe(vocabulary, {});
    for (std::size_t i = 0; i < merges.size(); ++i) {
      ASSERT_TRUE(bpe.add_merge(merges[i].first, merges[i].second, static_cast<std::uint32_t>(i)));
    }
    std::string text;
    std::vector<TokenId> expected;
    for (int i = 0; i < 200; ++i) {
      expected.push_back(static_cast<TokenId>(random.below(3)));
      text += static_cast<char>('a' + expected.back());
    }
    for (;;) {
      std::size_t best = merges.size(), at = 0;
      for (std::size_t i = 0; i + 1 < expected.size(); ++i) {
        std::size_t rank = merges.size();
        for (std::size_t m = 0; m < merges.size(); ++m) {
          if (merges[m] == std::pair(expected[i], expected[i + 1])) rank = m;
        }
        if (rank < best) best = rank, at = i;
      }
      if (best == merges.size()) break;
      expected[at] = *vocabulary.find(texts[static_cast<std::size_t>(merges[best].first)] +
                                      texts[static_cast<std::size_t>(merges[best].second)]);
      expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    BpeScratch scratch;
    std::vector<TokenId> ids;
    ASSERT_TRUE(bpe.encode(text, false, scratch, ids).ok());
    ASSERT_EQ(ids, expected) << text;
  }
}

std::vector<std::string> tokens(const json& file, std::string_view text) {
  const auto tokenizer = parsed(file);
  return texts_of(*tokenizer, tokenizer->encode(text, SpecialTokens::kRecognised, false));
}

TEST(TokenizerFile, merges_are_read_as_strings_or_as_pairs) {
  json file = small_tokenizer();
  EXPECT_THAT(tokens(file, "abc a"), ElementsAre("abc", "▁a"));
  file["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"ab", "c"}), json::array({"▁", "a"})});
  EXPECT_THAT(tokens(file, "abc a"), ElementsAre("abc", "▁a"));
  file["model"]["merges"] = {"#version: 0.2", "a b", "ab c"};
  EXPECT_THAT(tokens(file, "abc a"), ElementsAre("abc", "▁", "a"));
}

TEST(TokenizerFile, the_vocabulary_may_stand_behind_the_merges_and_name_no_type) {
  const auto result =
      Tokenizer::parse(R"({"model":{"merges":["a b"],"vocab":{"b":5,"a":0,"ab":9}}})", "tokenizer.json");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_THAT(texts_of(**result, (*result)->encode("abba", SpecialTokens::kAsText, true)), ElementsAre("ab", "b", "a"));
  EXPECT_EQ((*result)->vocab_size(), 10u);
  EXPECT_EQ((*result)->token_text(3), "");
}

TEST(TokenizerFile, truncation_and_padding_do_not_apply) {
  json file = small_tokenizer();
  file["truncation"] = {{"max_length", 1}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Right"}};
  EXPECT_THAT(tokens(file, "abcd"), ElementsAre("abc", "d"));
}

TEST(Metaspace, is_read_as_older_versions_wrote_it) {
  json file = small_tokenizer();
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"str_rep", "▁"}, {"add_prefix_space", true}};
  EXPECT_THAT(tokens(file, "a b"), ElementsAre("▁a", "▁", "b"));
  file["pre_tokenizer"]["add_prefix_space"] = false;
  EXPECT_THAT(tokens(file, "a b"), ElementsAre("a", "▁", "b"));
}

TEST(Metaspace, first_means_the_first_of_the_input) {
  json file = small_tokenizer();
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}};
  EXPECT_THAT(tokens(file, "a<s>a"), ElementsAre("▁a", "<s>", "a"));
  file["pre_tokenizer"]["prepend_scheme"] = "always";
  EXPECT_THAT(tokens(file, "a<s>a"), ElementsAre("▁a", "<s>", "▁a"));
}

TEST(TokenizerFile, what_the_file_does_not_name_is_empty) {
  const auto tokenizer = parsed(small_tokenizer());
  EXPECT_EQ(tokenizer->id_of("nope"), std::nullopt);
  EXPECT_EQ(tokenizer->token_text(-1), "");
  EXPECT_TRUE(tokenizer->is_special(1));
  EXPECT_FALSE(tokenizer->is_special(260));
  EXPECT_EQ(tokenizer->id_of("<x>"), 272);
  EXPECT_EQ(tokenizer->vocab_size(), 273u);
}

}  // namespace
}  // namespace troupe::model::tok
