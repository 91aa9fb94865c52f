#include "tools/troupe/bench_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kAll = 1000;

std::string error_of(std::string_view text) {
  const auto parsed = parse_trace(text, kAll);
  return parsed.ok() ? "it was read" : parsed.error().message;
}

TEST(ParseTrace, ReadsAzuresTable) {
  const auto trace = parse_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 "
      "18:17:04.0319600,3180,8\r\n",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).at, 0);
  EXPECT_NEAR(trace->at(1).at, 0.052, 1e-9);
  EXPECT_EQ(trace->at(0).input_tokens, 4808u);
  EXPECT_EQ(trace->at(1).output_tokens, 8u);
}

TEST(ParseTrace, FindsAzuresColumnsInAnyOrderAndTakesAZone) {
  const auto trace = parse_trace(
      "\xEF\xBB\xBFgeneratedtokens,Other,TimeStamp,CONTEXTTOKENS\n5,x,2024-05-10 23:59:59.5+00:00,7\n\n6,y,2024-05-11 "
      "00:00:00.5+00:00,8",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_NEAR(trace->at(1).at, 1.0, 1e-9) << "across midnight";
  EXPECT_EQ(trace->at(1).input_tokens, 8u);
  EXPECT_EQ(trace->at(0).output_tokens, 5u);
}

TEST(ParseTrace, ReadsMooncakesLines) {
  const auto trace = parse_trace(
      "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47]}\n"
      "{\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26, \"hash_ids\": "
      "[]}\n{\"timestamp\":30536,\"input_length\":1,\"output_length\":0}\n",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 3u);
  EXPECT_NEAR(trace->at(1).at, 3.053, 1e-9);
  EXPECT_THAT(trace->at(0).hash_ids, ElementsAre(46u, 47u));
  EXPECT_EQ(trace->at(2).output_tokens, 1u) << "a request asks for a token at least";
}

TEST(ParseTrace, SortsByTimeAndStopsAtTheRowsAskedFor) {
  const std::string text =
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:02,2,2\n2023-01-01 00:00:01,1,1\n2023-01-01 "
      "00:00:00,3,3\n";
  const auto trace = parse_trace(text, 2);
  ASSERT_TRUE(trace.ok());
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).input_tokens, 1u);
  EXPECT_EQ(trace->at(0).at, 0);
}

TEST(ParseTrace, NamesTheLineThatIsWrong) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:00,1,1\n";
  EXPECT_THAT(error_of(header + "yesterday,1,1\n"), HasSubstr("line 3: expected a TIMESTAMP"));
  EXPECT_THAT(error_of(header + "2023-02-30 00:00:00,1,1\n"), HasSubstr("line 3"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00,-1,1\n"), HasSubstr("line 3: expected token counts"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00,1,99999999\n"), HasSubstr("line 3: expected token counts"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00,1\n"), HasSubstr("line 3: it has fewer columns"));
  EXPECT_THAT(error_of("a,b\n1,2\n"), HasSubstr("line 1: expected the columns"));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":1,\"output_length\":1}\n{oops\n"),
              HasSubstr("line 2: expected one JSON object"));
  EXPECT_THAT(error_of("{\"timestamp\":\"1\",\"input_length\":1,\"output_length\":1}"), HasSubstr("\"timestamp\""));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":-1,\"output_length\":1}"), HasSubstr("\"input_length\""));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":1,\"output_length\":1,\"hash_ids\":[-1]}"),
              HasSubstr("hash_ids"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("TIMESTAMP,ContextTokens,GeneratedTokens\n"), HasSubstr("no request"));
}

TEST(ParseTrace, SurvivesAnyBytes) {
  RandomStream random(11);
  const std::string pieces[] = {"TIMESTAMP,ContextTokens,GeneratedTokens\n",
                                "2023-01-01 00:00:00",
                                ",",
                                "1",
                                "\n",
                                "{",
                                "\"timestamp\":",
                                "[",
                                "]",
                                "}",
                                "\xff",
                                std::string(1, '\0'),
                                "-",
                                "."};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto left = random.below(20); left > 0; --left) text += pieces[random.below(std::size(pieces))];
    const auto parsed = parse_trace(text, kAll);
    if (parsed.ok()) {
      EXPECT_FALSE(parsed->empty());
    }
  }
}

TEST(ParseTraceTime, CountsFrom1970) {
  EXPECT_DOUBLE_EQ(*parse_trace_time("1970-01-02 00:00:01.25"), 86401.25);
  EXPECT_DOUBLE_EQ(*parse_trace_time("2000-02-29T12:34:56Z"), 951827696);
  for (const char* bad :
       {"", "2000-02-29", "2000/02/29 12:34:56", "2000-02-29 24:00:00", "2000-13-01 00:00:00", "2000-02-29 12:34:56x"})
    EXPECT_FALSE(parse_trace_time(bad).has_value()) << bad;
}

}  // namespace
}  // namespace troupe
