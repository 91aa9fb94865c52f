// Files that are wrong, hostile or of a kind that Troupe does not know: each a named refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Error refusal_of_text(const std::string& text) {
  auto result = Tokenizer::parse(text, "dir/tokenizer.json");
  EXPECT_FALSE(result.ok());
  return result.ok() ? Error{} : result.error();
}
Error refusal(const json& file) { return refusal_of_text(file.dump()); }

void expect(const Error& error, ErrorCode code, const std::string& words) {
  EXPECT_EQ(to_string(error.code), std::string(to_string(code))) << error.message;
  EXPECT_THAT(error.message, HasSubstr("dir/tokenizer.json"));
  EXPECT_THAT(error.message, HasSubstr(words));
}

// The small file with the value at `path` (a JSON pointer) replaced.
json with(const std::string& path, json value) {
  json file = small_tokenizer();
  file[json::json_pointer(path)] = std::move(value);
  return file;
}

TEST(TokenizerRefusal, a_component_of_an_unknown_kind_is_named) {
  const struct {
    const char *path, *type;
  } cases[] = {{"/normalizer", "Precompiled"},
               {"/pre_tokenizer", "BertPreTokenizer"},
               {"/post_processor", "RobertaProcessing"},
               {"/decoder", "WordPiece"},
               {"/normalizer", "NFX"},
               {"/pre_tokenizer", "UnicodeScripts"}};
  for (const auto& c : cases) {
    const Error error = refusal(with(c.path, {{"type", c.type}}));
    expect(error, ErrorCode::kUnsupported, std::string("\"") + c.type + "\" is not supported");
    EXPECT_THAT(error.message, HasSubstr(std::string(c.path + 1)));
  }
}

TEST(TokenizerRefusal, an_unknown_component_within_a_sequence_is_found) {
  const json file = with("/pre_tokenizer", {{"type", "Sequence"},
                                            {"pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Magic"}}}}});
  expect(refusal(file), ErrorCode::kUnsupported, "pre_tokenizer.pretokenizers[1]: the pre-tokenizer \"Magic\"");
}

TEST(TokenizerRefusal, a_model_that_is_not_bpe_is_named) {
  json unigram = {{"model",
                   {{"type", "Unigram"},
                    {"vocab", json::array({json::array({"a", -1.5}), json::array({"b", -2})})},
                    {"unk_id", 0}}}};
  expect(refusal(unigram), ErrorCode::kUnsupported, "\"Unigram\"");
  expect(refusal(with("/model/type", "WordPiece")), ErrorCode::kUnsupported, "\"WordPiece\"");
}

TEST(TokenizerRefusal, a_model_option_that_changes_ids_is_refused) {
  expect(refusal(with("/model/dropout", 0.1)), ErrorCode::kUnsupported, "dropout");
  expect(refusal(with("/model/continuing_subword_prefix", "##")), ErrorCode::kUnsupported, "continuing_subword_prefix");
  expect(refusal(with("/model/end_of_word_suffix", "</w>")), ErrorCode::kUnsupported, "end_of_word_suffix");
}

TEST(TokenizerRefusal, an_empty_affix_and_a_zero_dropout_are_none) {
  json file = with("/model/dropout", 0.0);
  file["model"]["continuing_subword_prefix"] = "";
  file["model"]["end_of_word_suffix"] = "";
  EXPECT_NE(parsed(file), nullptr);
}

TEST(TokenizerRefusal, a_wrong_type_is_reported_with_its_place) {
  expect(refusal(with("/model", "BPE")), ErrorCode::kInvalidInput, "model is a JSON string, expected an object");
  expect(refusal(with("/model/byte_fallback", 1)), ErrorCode::kInvalidInput, "model.byte_fallback is a JSON number");
  expect(refusal(with("/normalizer", json::array())), ErrorCode::kInvalidInput, "normalizer is a JSON array");
  expect(refusal(with("/normalizer/pattern", "x")), ErrorCode::kInvalidInput, "normalizer.pattern");
  expect(refusal(with("/normalizer/content", nullptr)), ErrorCode::kInvalidInput,
         "normalizer.content is missing or null");
  expect(refusal(with("/added_tokens", 3)), ErrorCode::kInvalidInput, "added_tokens is a JSON number");
  expect(refusal(with("/added_tokens/1/special", "yes")), ErrorCode::kInvalidInput, "added_tokens[1].special");
  expect(refusal(with("/decoder/decoders/3/start", -1)), ErrorCode::kInvalidInput, "decoder.decoders[3].start is -1");
  expect(refusal(with("/decoder/decoders/3/content", "ab")), ErrorCode::kInvalidInput, "one character");
  expect(refusal(json::array()), ErrorCode::kInvalidInput, "expected an object");
}

TEST(TokenizerRefusal, a_word_nearly_right_gets_a_suggestion) {
  const json split = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Isolatd"}, {"invert", false}};
  expect(refusal(with("/pre_tokenizer", split)), ErrorCode::kUnsupported, "did you mean \"Isolated\"");
}

TEST(TokenizerRefusal, ids_out_of_range_or_twice_are_refused) {
  expect(refusal(with("/model/vocab/a", -1)), ErrorCode::kInvalidInput, "\"a\" has the id -1");
  expect(refusal(with("/model/vocab/a", 5'000'000'000)), ErrorCode::kInvalidInput, "\"a\" has the id 5000000000");
  expect(refusal(with("/model/vocab/a", 18'446'744'073'709'551'615u)), ErrorCode::kInvalidInput,
         "18446744073709551615");
  expect(refusal(with("/model/vocab/a", 1.5)), ErrorCode::kInvalidInput, "expected a whole number");
  expect(refusal(with("/model/vocab/a", {1})), ErrorCode::kInvalidInput, "expected a whole number");
  expect(refusal(with("/model/vocab/a", 1)), ErrorCode::kInvalidInput, "texts and ids must differ");
  expect(refusal(with("/added_tokens/3/id", -7)), ErrorCode::kInvalidInput, "added_tokens[3].id is -7");
  expect(refusal(with("/added_tokens/3/id", 1u << 31)), ErrorCode::kInvalidInput, "added_tokens[3].id");
  expect(refusal(with("/added_tokens/3/id", 260)), ErrorCode::kInvalidInput, "takes the id of \"a\"");
  expect(refusal(with("/added_tokens/1/id", 300)), ErrorCode::kInvalidInput, "has the id 1 elsewhere");
}

TEST(TokenizerRefusal, the_same_text_twice_is_refused) {
  expect(refusal_of_text(R"({"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}})"), ErrorCode::kInvalidInput,
         "\"a\" stands there twice");
  json file = small_tokenizer();
  file["added_tokens"].push_back(file["added_tokens"][3]);
  expect(refusal(file), ErrorCode::kInvalidInput, "stands in added_tokens twice");
  expect(refusal_of_text(R"({"model":{"type":"BPE","type":"BPE","vocab":{},"merges":[]}})"), ErrorCode::kInvalidInput,
         "\"type\" stands twice");
  expect(refusal_of_text(R"({"model":{"vocab":{},"vocab":{},"merges":[]}})"), ErrorCode::kInvalidInput,
         "model.vocab stands in the file twice");
}

TEST(TokenizerRefusal, merges_that_are_malformed_or_name_unknown_tokens_are_refused) {
  expect(refusal(with("/model/merges/1", "ab zz")), ErrorCode::kInvalidInput, "model.merges[1] names \"zz\"");
  expect(refusal(with("/model/merges/1", "d e")), ErrorCode::kInvalidInput, "model.merges[1] joins \"d\" and \"e\"");
  for (const json& merge :
       {json("ab"), json("a b c"), json(7), json::array({"a"}), json::array({"a", "b", "c"}), json::array({"a", 1}),
        json::object(), json(nullptr), json::array({json::array({"a"}), "b"})}) {
    expect(refusal(with("/model/merges/1", merge)), ErrorCode::kInvalidInput, "model.merges[1]");
  }
  json file = small_tokenizer();
  file["model"].erase("merges");
  expect(refusal(file), ErrorCode::kInvalidInput, "model.merges is missing");
  file["model"].erase("vocab");
  expect(refusal(file), ErrorCode::kInvalidInput, "model.vocab is missing");
}

TEST(TokenizerRefusal, a_truncated_file_is_refused_wherever_it_ends) {
  const std::string whole = small_tokenizer().dump();
  for (std::size_t n = 0; n < whole.size(); n += 1 + n / 50) {
    EXPECT_EQ(refusal_of_text(whole.substr(0, n)).code, ErrorCode::kInvalidInput) << n;
  }
  expect(refusal_of_text(whole.substr(0, 100)), ErrorCode::kInvalidInput, "line 1, column");
}

TEST(TokenizerRefusal, absurd_nesting_is_refused) {
  for (const char* prefix : {"", R"({"model":{"type":"Unigram","vocab":)", R"({"normalizer":)"}) {
    const Error error = refusal_of_text(prefix + std::string(1'000'000, '['));
    expect(error, ErrorCode::kTooLarge, "nested more than");
  }
  std::string sequence = R"({"type":"NFC"})";
  for (int i = 0; i < 200; ++i) sequence = R"({"type":"Sequence","normalizers":[)" + sequence + "]}";
  expect(refusal_of_text(R"({"normalizer":)" + sequence + "}"), ErrorCode::kTooLarge, "nested more than");
}

TEST(TokenizerRefusal, too_many_components_are_refused) {
  json many = json::array();
  for (int i = 0; i < 40; ++i) many.push_back({{"type", "Lowercase"}});
  const json half = {{"type", "Sequence"}, {"normalizers", many}};
  expect(refusal(with("/normalizer", {{"type", "Sequence"}, {"normalizers", {half, half}}})), ErrorCode::kTooLarge,
         "over 64 normalizers");
}

TEST(TokenizerRefusal, a_pattern_that_is_none_or_huge_is_refused) {
  const auto split = [](const std::string& pattern) {
    return json{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  };
  expect(refusal(with("/pre_tokenizer", split("(a"))), ErrorCode::kInvalidInput,
         "pre_tokenizer.pattern: the pattern is no regular expression");
  expect(refusal(with("/pre_tokenizer", split(std::string(70'000, 'a')))), ErrorCode::kTooLarge,
         "a pattern of 70000 bytes");
  EXPECT_EQ(refusal(with("/pre_tokenizer", split(std::string(60'000, '(')))).code, ErrorCode::kInvalidInput);
}

TEST(TokenizerRefusal, a_template_that_makes_no_sense_is_refused) {
  expect(refusal(with("/post_processor/single/0/SpecialToken/id", "<nope>")), ErrorCode::kInvalidInput,
         "special_tokens.<nope>");
  expect(refusal(with("/post_processor/special_tokens/<s>/ids/0", 100'000)), ErrorCode::kInvalidInput,
         "expected ids of tokens");
  expect(refusal(with("/post_processor/special_tokens/<s>/ids/0", -1)), ErrorCode::kInvalidInput,
         "expected ids of tokens");
  expect(refusal(with("/post_processor/single/1/Sequence/id", "B")), ErrorCode::kInvalidInput, "expected \"A\"");
  expect(refusal(with("/post_processor/single", json::array())), ErrorCode::kUnsupported, "the text 0 times");
}

TEST(TokenizerRefusal, metaspace_that_contradicts_itself_is_refused) {
  const json metaspace = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"add_prefix_space", false}, {"prepend_scheme", "always"}};
  expect(refusal(with("/pre_tokenizer", metaspace)), ErrorCode::kInvalidInput, "they must agree");
}

TEST(TokenizerRefusal, a_directory_without_the_file_says_so) {
  const auto result = Tokenizer::load("/nonexistent");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kMissingInput);
  EXPECT_THAT(result.error().message, HasSubstr("/nonexistent/tokenizer.json"));
}

TEST(TokenizerRefusal, a_file_over_the_limit_is_not_read) {
  const auto directory = std::filesystem::path(testing::TempDir()) / "troupe_huge_tokenizer";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "tokenizer.json").put('{');
  std::filesystem::resize_file(directory / "tokenizer.json", (std::uintmax_t{256} << 20) + 1);  // sparse
  const auto result = Tokenizer::load(directory);
  std::filesystem::remove_all(directory);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
}

TEST(TokenizerRefusal, an_unknown_character_without_a_token_for_it_is_an_error_of_the_text) {
  json file = with("/model/byte_fallback", false);
  file["model"]["unk_token"] = "<other>";
  const auto ids = parsed(file)->encode("aZ", SpecialTokens::kAsText, false);
  ASSERT_FALSE(ids.ok());
  EXPECT_THAT(ids.error().message, HasSubstr("\"Z\""));
}

}  // namespace
}  // namespace troupe::model
