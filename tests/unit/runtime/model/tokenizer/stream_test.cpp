// What the streaming detokenizer lets out, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model {
namespace {

using testing::ElementsAre;

std::vector<std::string> stream(const Tokenizer& tokenizer, StreamDetokenizer& stream,
                                std::vector<std::string> tokens) {
  std::vector<std::string> pieces;
  for (const auto& token : tokens) pieces.push_back(stream.push(tokenizer.id_of(token).value()));
  pieces.push_back(stream.finish());
  return pieces;
}

nlohmann::json byte_level() {
  auto file = small_tokenizer();
  file["decoder"] = {{"type", "ByteLevel"}};
  int next = 300;
  for (const char* text : {"Ġ", "Ċ", "ð", "Ł", "ĺ", "Ģ", "Ã", "©"}) file["model"]["vocab"][text] = next++;
  return file;
}

TEST(StreamDetokenizer, holds_a_character_until_its_last_byte) {
  const auto tokenizer = parsed(byte_level());
  StreamDetokenizer detokenizer(tokenizer, false);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"a", "ð", "Ł", "ĺ", "Ģ", "b"}),
              ElementsAre("a", "", "", "", "😀", "b", ""));
}

TEST(StreamDetokenizer, replaces_a_character_that_cannot_be_completed) {
  const auto tokenizer = parsed(byte_level());
  StreamDetokenizer detokenizer(tokenizer, false);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"ð", "Ł", "a", "ð"}), ElementsAre("", "", "\uFFFDa", "", "\uFFFD"));
}

TEST(StreamDetokenizer, holds_a_run_of_byte_tokens_to_its_end) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer detokenizer(tokenizer, false);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"a", "<0xC3>", "<0xA9>", "b", "<0xC3>", "<0x0A>"}),
              ElementsAre("a", "", "", "éb", "", "", "\uFFFD\uFFFD"));
}

TEST(StreamDetokenizer, strips_the_first_space_only_where_no_prompt_stands_before) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer alone(tokenizer, false);
  EXPECT_THAT(stream(*tokenizer, alone, {"▁a", "▁a"}), ElementsAre("a", " a", ""));
  StreamDetokenizer after(tokenizer, false);
  const TokenId prompt[] = {*tokenizer->id_of("<s>"), *tokenizer->id_of("b")};
  after.prime(prompt);
  EXPECT_THAT(stream(*tokenizer, after, {"▁a", "▁a"}), ElementsAre(" a", " a", ""));
}

TEST(StreamDetokenizer, does_not_repeat_the_end_of_a_prompt_that_it_held_back) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer detokenizer(tokenizer, false);
  const TokenId prompt[] = {*tokenizer->id_of("a"), *tokenizer->id_of("<0x0A>")};
  detokenizer.prime(prompt);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"b"}), ElementsAre("b", ""));
}

TEST(StreamDetokenizer, gives_a_character_that_began_in_the_prompt) {
  const auto tokenizer = parsed(byte_level());
  StreamDetokenizer detokenizer(tokenizer, false);
  const TokenId prompt[] = {*tokenizer->id_of("a"), *tokenizer->id_of("Ã")};
  detokenizer.prime(prompt);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"©", "b"}), ElementsAre("é", "b", ""));
}

TEST(StreamDetokenizer, leaves_special_tokens_out_on_demand) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer with(tokenizer, false), without(tokenizer, true);
  EXPECT_THAT(stream(*tokenizer, with, {"a", "</s>", "<x>"}), ElementsAre("a", "</s>", "<x>", ""));
  EXPECT_THAT(stream(*tokenizer, without, {"a", "</s>", "<x>"}), ElementsAre("a", "", "<x>", ""));
}

TEST(StreamDetokenizer, leaves_unknown_ids_out) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer detokenizer(tokenizer, false);
  EXPECT_EQ(detokenizer.push(-1) + detokenizer.push(1 << 30) + detokenizer.push(100'000) + detokenizer.finish(), "");
}

TEST(StreamDetokenizer, goes_on_from_a_copy_as_from_itself) {
  const auto tokenizer = parsed(byte_level());
  StreamDetokenizer first(tokenizer, false);
  (void)first.push(*tokenizer->id_of("Ã"));
  StreamDetokenizer second(first);
  EXPECT_EQ(second.push(*tokenizer->id_of("©")), "é");
  EXPECT_EQ(first.push(*tokenizer->id_of("©")), "é");
}

TEST(StreamDetokenizer, replaces_a_literal_that_lies_across_tokens_once_they_are_fused) {
  auto file = small_tokenizer();
  file["decoder"] = {{"type", "Sequence"},
                     {"decoders",
                      {{{"type", "Fuse"}},
                       {{"type", "Replace"}, {"pattern", {{"String", "abd"}}}, {"content", "!"}},
                       {{"type", "Strip"}, {"content", "e"}, {"start", 1}, {"stop", 2}}}}};
  const auto tokenizer = parsed(file);
  StreamDetokenizer detokenizer(tokenizer, false);
  EXPECT_THAT(stream(*tokenizer, detokenizer, {"e", "e", "a", "b", "d", "ab", "c", "e", "e", "e"}),
              ElementsAre("", "", "", "", "e!", "", "abc", "", "", "e", ""));
}

TEST(StreamDetokenizer, is_linear_in_a_run_that_it_must_hold) {
  const auto tokenizer = parsed(small_tokenizer());
  StreamDetokenizer detokenizer(tokenizer, false);
  for (int i = 0; i < 300'000; ++i) EXPECT_EQ(detokenizer.push(*tokenizer->id_of("<0x41>")), "");
  EXPECT_EQ(detokenizer.finish(), std::string(300'000, 'A'));
}

TEST(TokenBytes, are_those_in_the_middle_of_a_text) {
  const auto pieces = parsed(small_tokenizer()), bytes = parsed(byte_level());
  EXPECT_EQ(pieces->token_bytes(*pieces->id_of("▁a")), " a");
  EXPECT_EQ(pieces->token_bytes(*pieces->id_of("<0xC3>")), "\xC3");
  EXPECT_EQ(pieces->token_bytes(*pieces->id_of("<s>")), "<s>");
  EXPECT_EQ(bytes->token_bytes(*bytes->id_of("ð")), "\xF0");
  EXPECT_EQ(bytes->token_bytes(*bytes->id_of("Ġ")), " ");
  EXPECT_EQ(bytes->token_bytes(-5), "");
}

}  // namespace
}  // namespace troupe::model
