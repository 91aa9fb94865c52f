#include "runtime/openai/json_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/utf8.hpp"

namespace troupe::openai {
namespace {

using ::testing::HasSubstr;

std::string problem(const std::string& text, JsonBounds bounds = {}) {
  const auto parsed = parse_json_object(text, bounds);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(JsonText, reads_an_object_with_everything_in_it) {
  auto parsed = parse_json_object(R"( {"a":[1,-2,3.5,"x\u00e9",true,null,{}],"b":{"c":[]}} )", {});
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->dump(), R"({"a":[1,-2,3.5,"xé",true,null,{}],"b":{"c":[]}})");
}

TEST(JsonText, refuses_what_is_not_one_object) {
  for (const char* const text : {"",
                                 " ",
                                 "[]",
                                 "1",
                                 "null",
                                 "\"x\"",
                                 "{",
                                 "{}{}",
                                 "{} x",
                                 "{\"a\":}",
                                 "{'a':1}",
                                 "{\"a\":1,}",
                                 "{\"a\":NaN}",
                                 "{\"a\":01}",
                                 "{\"a\":1e999}",
                                 "{\"a\":\"\\ud800\"}",
                                 "{\"a\":\"\xff\"}",
                                 "{\"a\":\"\xc0\x80\"}",
                                 "{\"a\":\"\n\"}",
                                 "// c\n{}"}) {
    const auto parsed = parse_json_object(text, {});
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().status, 400);
    EXPECT_EQ(parsed.error().code, "invalid_json");
    EXPECT_TRUE(is_valid_utf8(parsed.error().body())) << text;
  }
}

TEST(JsonText, says_at_which_byte_it_stopped) { EXPECT_THAT(problem("{\"a\":x}"), HasSubstr("byte 6")); }

TEST(JsonText, refuses_a_key_that_stands_twice_in_one_object) {
  EXPECT_THAT(problem(R"({"a":1,"b":{"a":2},"a":3})"), HasSubstr("\"a\" stands twice"));
  EXPECT_EQ(problem(R"({"a":1,"b":{"a":2}})"), "");
}

TEST(JsonText, takes_the_deepest_nesting_allowed_and_not_one_more) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(problem(nested(64)), "");
  EXPECT_THAT(problem(nested(65)), HasSubstr("64 deep"));
  EXPECT_THAT(problem("{\"a\":" + std::string(1'000'000, '[')), HasSubstr("64 deep"));
}

TEST(JsonText, takes_the_most_values_allowed_and_not_one_more) {
  EXPECT_EQ(problem("{\"a\":[1,2,3]}", {64, 5}), "");
  EXPECT_THAT(problem("{\"a\":[1,2,3,4]}", {64, 5}), HasSubstr("more than 5"));
}

TEST(JsonText, reads_a_hundred_thousand_keys_without_getting_slow) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":0";
  auto parsed = parse_json_object(text + "}", {});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->size(), 100'000u);
}

TEST(JsonText, shows_long_values_cut_between_characters) {
  const auto text = shown(nlohmann::json(std::string(39, 'x') + "éé"));
  EXPECT_EQ(text, std::string("\"") + std::string(39, 'x') + "...\"");
  EXPECT_EQ(shown(nlohmann::json::array({1, 2})), "an array of 2");
}

}  // namespace
}  // namespace troupe::openai
