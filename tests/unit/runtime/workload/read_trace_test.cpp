#include "runtime/workload/read_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe::workload {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kAll = 1000;

std::string error_of(std::string_view text) {
  const auto parsed = read_trace(text, kAll);
  return parsed.ok() ? "it was read" : parsed.error().message;
}

TEST(ReadTrace, ReadsAzuresTable) {
  const auto trace = read_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 "
      "18:17:04.0319600,3180,8\r\n",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).at, nanoseconds(0));
  EXPECT_EQ(trace->at(1).at, nanoseconds(52'000'000));
  EXPECT_EQ(trace->at(0).prompt_tokens, 4808);
  EXPECT_EQ(trace->at(1).output_tokens, 8);
}

TEST(ReadTrace, FindsAzuresColumnsInAnyOrderAndTakesAZone) {
  const auto trace = read_trace(
      "\xEF\xBB\xBFgeneratedtokens,Other,TimeStamp,CONTEXTTOKENS\n5,x,2024-05-10 23:59:59.5+00:00,7\n\n6,y,2024-05-11 "
      "00:00:00.5+00:00,8",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->at(1).at, nanoseconds(1'000'000'000)) << "across midnight";
  EXPECT_EQ(trace->at(1).prompt_tokens, 8);
  EXPECT_EQ(trace->at(0).output_tokens, 5);
}

TEST(ReadTrace, ReadsMooncakesLines) {
  const auto trace = read_trace(
      "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47]}\n"
      "{\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26, \"hash_ids\": "
      "[]}\n{\"timestamp\":30536,\"input_length\":1,\"output_length\":0}\n",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 3u);
  EXPECT_EQ(trace->at(0).at, nanoseconds(27'482'000'000)) << "its own times";
  EXPECT_EQ(trace->at(1).at, nanoseconds(30'535'000'000));
  EXPECT_THAT(trace->at(0).hash_ids, ElementsAre(46u, 47u));
  EXPECT_EQ(trace->at(2).output_tokens, 1) << "a request asks for a token at least";
}

TEST(ReadTrace, SortsByTimeAndStopsAtTheRowsAskedFor) {
  const std::string text =
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:02,2,2\n2023-01-01 00:00:01,1,1\n2023-01-01 "
      "00:00:00,3,3\n";
  const auto trace = read_trace(text, 2);
  ASSERT_TRUE(trace.ok());
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).prompt_tokens, 1);
  EXPECT_EQ(trace->at(0).at, nanoseconds(0));
}

TEST(ReadTrace, NamesTheLineAndColumnThatAreWrong) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:00,1,1\n";
  EXPECT_THAT(error_of(header + "yesterday,1,1\n"), HasSubstr("line 3, column 1: expected a TIMESTAMP"));
  EXPECT_THAT(error_of(header + "2023-02-30 00:00:00,1,1\n"), HasSubstr("line 3, column 1"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00, -1,1\n"), HasSubstr("line 3, column 22: expected token counts"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00,1,99999999\n"), HasSubstr("line 3, column 23: expected token"));
  EXPECT_THAT(error_of(header + "2023-01-01 00:00:00,1\n"), HasSubstr("line 3, column 22: the row ends here"));
  EXPECT_THAT(error_of("a,b\n1,2\n"), HasSubstr("line 1, column 1: expected the columns"));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":1,\"output_length\":1}\n{oops\n"),
              HasSubstr("line 2, column 2: expected one JSON object"));
  EXPECT_THAT(error_of("{\"timestamp\":\"1\",\"input_length\":1,\"output_length\":1}"),
              HasSubstr("line 1, column 2: expected \"timestamp\""));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":-1,\"output_length\":1}"), HasSubstr("\"input_length\""));
  EXPECT_THAT(error_of("{\"timestamp\":1,\"input_length\":1,\"output_length\":1,\"hash_ids\":[-1]}"),
              HasSubstr("hash_ids"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("TIMESTAMP,ContextTokens,GeneratedTokens\n"), HasSubstr("no request"));
}

TEST(ReadTrace, ReadsTheSplitwiseSimulatorsTableWithItsOwnTimesAndIds) {
  const auto trace = read_trace(
      "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n"
      "7,2,0,0.002061301,1,1069,163\n8,2,0,5.5e-03,1,184,54\n",
      kAll);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).id, 7);
  EXPECT_EQ(trace->at(0).at, nanoseconds(2'061'301));
  EXPECT_EQ(trace->at(0).prompt_tokens, 1069);
  EXPECT_EQ(trace->at(0).output_tokens, 163);
  EXPECT_EQ(trace->at(1).at, nanoseconds(5'500'000));
}

TEST(ReadTrace, RefusesTheSplitwiseSimulatorsTableWhereItCannotBePlayed) {
  const std::string header = "arrival_timestamp,batch_size,prompt_size,token_size,request_id\n";
  EXPECT_THAT(error_of(header + "-1,1,1,1,0\n"), HasSubstr("line 2, column 1: expected an arrival_timestamp"));
  EXPECT_THAT(error_of(header + "nan,1,1,1,0\n"), HasSubstr("line 2, column 1"));
  EXPECT_THAT(error_of(header + "1,2,1,1,0\n"), HasSubstr("line 2, column 3: expected a batch_size of 1"));
  EXPECT_THAT(error_of(header + "1,1,1,x,0\n"), HasSubstr("line 2, column 7: expected token counts"));
  EXPECT_THAT(error_of(header + "1,1,1,1,-4\n"), HasSubstr("line 2, column 9: expected a request_id"));
}

TEST(ReadTraceFile, NamesTheFileOnce) {
  const auto missing = read_trace_file("/nowhere/trace.csv", kAll);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kMissingInput);
  EXPECT_EQ(missing.error().message.find("/nowhere/trace.csv"), missing.error().message.rfind("/nowhere/trace.csv"));
}

TEST(ReadTrace, SurvivesAnyBytes) {
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
    const auto parsed = read_trace(text, kAll);
    if (parsed.ok()) {
      EXPECT_FALSE(parsed->empty());
    }
  }
}

TEST(ParseTraceTime, CountsFrom1970) {
  EXPECT_EQ(parse_trace_time("1970-01-02 00:00:01.25"), nanoseconds(86'401'250'000'000));
  EXPECT_EQ(parse_trace_time("2000-02-29T12:34:56Z"), nanoseconds(951'827'696'000'000'000));
  for (const char* bad : {"", "2000-02-29", "2000/02/29 12:34:56", "2000-02-29 24:00:00", "2000-13-01 00:00:00",
                          "2000-02-29 12:34:56x", "1969-12-31 23:59:59", "9999-01-01 00:00:00"})
    EXPECT_FALSE(parse_trace_time(bad).has_value()) << bad;
}

}  // namespace
}  // namespace troupe::workload
