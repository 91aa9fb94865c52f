#include "runtime/model/json_fields.hpp"

#include <gmock/gmock.h>

namespace troupe::model {
namespace {

using testing::HasSubstr;

TEST(ParseJson, RefusesNestingPastItsDepth) {
  const auto deep = parse_json(std::string(100000, '[') + std::string(100000, ']'), "config.json");
  ASSERT_FALSE(deep.ok());
  EXPECT_THAT(deep.error().message, HasSubstr("nested more than 64 deep"));
}

TEST(ParseJson, RefusesAKeyGivenTwice) {
  const auto twice = parse_json(R"({"a": {"b": 1, "c": 2, "b": 3}})", "x");
  ASSERT_FALSE(twice.ok());
  EXPECT_THAT(twice.error().message, HasSubstr("the key \"b\" twice"));
}

TEST(ParseJson, TakesTheSameKeyInDifferentObjects) {
  EXPECT_TRUE(parse_json(R"({"a": {"b": 1}, "c": {"b": 3}, "b": [{"b": 1}, {"b": 2}]})", "x").ok());
}

TEST(ParseJson, RefusesWhatIsNotJsonOrNotUtf8) {
  for (const char* text : {"", "{", "{\"a\": 1e999}", "{} x", "{\"a\": \"\xff\"}", "nul", "{\"a\": NaN}"})
    EXPECT_FALSE(parse_json(text, "x").ok()) << text;
}

TEST(JsonFields, TreatsNullAsAbsentButKnowsThatTheKeyIsThere) {
  const auto json = nlohmann::json::parse(R"({"window": null})");
  const JsonFields fields(json, "x");
  EXPECT_TRUE(fields.has("window"));
  EXPECT_FALSE(fields.integer("window", {1, 9}).value().has_value());
}

TEST(JsonFields, NamesTheFieldItsValueAndTheRangeItBreaks) {
  const auto json = nlohmann::json::parse(R"({"layers": 70})");
  const auto refused = JsonFields(json, "config.json").integer("layers", {1, 64});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "config.json: layers is 70; expected an integer from 1 to 64.");
}

TEST(JsonFields, RefusesIntegersThatWouldWrapOrHaveAFraction) {
  const auto json =
      nlohmann::json::parse(R"({"huge": 18446744073709551615, "half": 2.5, "text": "3", "whole": 4.0, "far": 1e300})");
  const JsonFields fields(json, "x");
  const Range<std::int64_t> any{INT64_MIN, INT64_MAX};
  for (const char* key : {"huge", "half", "text", "far"}) EXPECT_FALSE(fields.integer(key, any).ok()) << key;
  EXPECT_EQ(fields.integer("whole", any).value(), 4);
}

}  // namespace
}  // namespace troupe::model
