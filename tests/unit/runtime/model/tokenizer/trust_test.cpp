// Special tokens come from trusted text only, however the text is cut.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> encode(const nlohmann::json& file, std::vector<TextPart> parts) {
  const auto tokenizer = parsed(file);
  return texts_of(*tokenizer, tokenizer->encode_parts(parts, false));
}

TEST(TokenizerTrust, a_special_token_in_untrusted_text_is_text) {
  EXPECT_THAT(encode(small_tokenizer(), {{"<s>", true}, {"a<s>", false}, {"</s>", true}}),
              ElementsAre("<s>", "a", "<s", ">", "</s>"));
}

TEST(TokenizerTrust, merges_do_not_give_a_special_token_where_text_is_untrusted) {
  EXPECT_THAT(encode(small_tokenizer(), {{"<s>", false}}), Not(Contains("<s>")));
}

TEST(TokenizerTrust, a_whole_piece_does_not_give_a_special_token_where_text_is_untrusted) {
  auto file = small_tokenizer();
  file["model"]["ignore_merges"] = true;
  EXPECT_THAT(encode(file, {{"</s>", false}}), Not(Contains("</s>")));
}

TEST(TokenizerTrust, a_special_token_half_trusted_is_text) {
  EXPECT_THAT(encode(small_tokenizer(), {{"<", true}, {"s>", false}}), ElementsAre("<s", ">"));
  EXPECT_THAT(encode(small_tokenizer(), {{"<s", false}, {">", true}}), ElementsAre("<s", ">"));
}

TEST(TokenizerTrust, a_special_token_cut_between_trusted_parts_is_one) {
  EXPECT_THAT(encode(small_tokenizer(), {{"<", true}, {"s>", true}}), ElementsAre("<s>"));
}

TEST(TokenizerTrust, text_is_joined_before_it_is_merged) {
  EXPECT_THAT(encode(small_tokenizer(), {{"a", true}, {"b", false}, {"c", true}}), ElementsAre("abc"));
}

TEST(TokenizerTrust, untrusted_text_cannot_swallow_the_start_of_a_special_token) {
  auto file = small_tokenizer();
  file["added_tokens"].push_back({{"id", 900}, {"content", "a<s>"}, {"special", true}, {"normalized", false}});
  EXPECT_THAT(encode(file, {{"a", false}, {"<s>", true}}), ElementsAre("a", "<s>"));
}

TEST(TokenizerTrust, untrusted_text_behind_a_special_token_does_not_lengthen_it) {
  auto file = small_tokenizer();
  file["added_tokens"].push_back({{"id", 900}, {"content", "<s>a"}, {"special", true}, {"normalized", false}});
  EXPECT_THAT(encode(file, {{"<s>", true}, {"a", false}}), ElementsAre("<s>", "a"));
  EXPECT_THAT(encode(file, {{"<s>a", true}}), ElementsAre("<s>a"));
}

TEST(TokenizerTrust, an_added_token_that_is_not_special_is_found_in_any_text) {
  EXPECT_THAT(encode(small_tokenizer(), {{"a<x>", false}}), ElementsAre("a", "<x>"));
}

TEST(TokenizerTrust, a_special_token_matched_behind_the_normalizer_needs_trusted_bytes) {
  auto file = small_tokenizer();
  file["added_tokens"].push_back({{"id", 900}, {"content", "d e"}, {"special", true}, {"normalized", true}});
  EXPECT_THAT(encode(file, {{"a", false}, {"d e", true}}), ElementsAre("a", "d e"));
  EXPECT_THAT(encode(file, {{"d e", false}, {"a", true}}), ElementsAre("d", "▁", "e", "a"));
  EXPECT_THAT(encode(file, {{"d", true}, {" ", false}, {"e", true}}), ElementsAre("d", "▁", "e"));
}

TEST(TokenizerTrust, a_normal_form_across_parts_leaves_the_trust_of_the_rest) {
  auto file = small_tokenizer();
  file["normalizer"] = {{"type", "NFC"}};
  file["added_tokens"].push_back({{"id", 900}, {"content", "de"}, {"special", true}, {"normalized", true}});
  EXPECT_THAT(encode(file, {{"dea", true}, {"\xCC\x81 de", false}, {"de", true}}),
              ElementsAre("de", "<0xC3>", "<0xA1>", "<0x20>", "d", "e", "de"));
}

TEST(TokenizerTrust, a_character_cut_between_parts_is_read_whole) {
  EXPECT_THAT(encode(small_tokenizer(), {{"a\xC3", true}, {"\xA9", false}}), ElementsAre("a", "<0xC3>", "<0xA9>"));
}

}  // namespace
}  // namespace troupe::model
