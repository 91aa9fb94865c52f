#include "tools/troupe/bench_stream.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(StreamEvent, HoldsTokensOnlyWhereAChoiceHasSome) {
  for (const char* with :
       {R"({"choices":[{"text":"a"}]})", R"({"choices":[{"delta":{"content":"a"}}]})",
        R"({"choices":[{"text":"","token_ids":[5]}]})", R"({"choices":[{"delta":{"reasoning_content":"a"}}]})"})
    EXPECT_TRUE(read_stream_event(with).has_tokens) << with;
  for (const char* without :
       {R"({"choices":[{"text":""}]})", R"({"choices":[{"delta":{"role":"assistant","content":""}}]})",
        R"({"choices":[]})", R"({})", R"({"choices":[{"delta":{"content":null},"finish_reason":"stop"}]})",
        R"({"choices":[7]})", R"({"choices":"x"})"})
    EXPECT_FALSE(read_stream_event(without).has_tokens) << without;
}

TEST(StreamEvent, GivesTheUsage) {
  const auto news = read_stream_event(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}})");
  EXPECT_EQ(news.prompt_tokens, 3u);
  EXPECT_EQ(news.completion_tokens, 4u);
  EXPECT_FALSE(read_stream_event(R"({"usage":null})").prompt_tokens);
  EXPECT_FALSE(read_stream_event(R"({"usage":{"prompt_tokens":-1}})").prompt_tokens);
}

TEST(StreamEvent, TellsTheEndAndErrors) {
  EXPECT_TRUE(read_stream_event("[DONE]").done);
  EXPECT_EQ(read_stream_event(R"({"error":{"message":"out of blocks"}})").error, "out of blocks");
  EXPECT_EQ(read_stream_event(R"({"error":"plain"})").error, "plain");
  EXPECT_FALSE(read_stream_event(R"({"error":{}})").error.empty());
  EXPECT_TRUE(read_stream_event(R"({"error":null})").error.empty());
  for (const char* bad : {"", "{", "[1]", "5", "\xff"}) EXPECT_FALSE(read_stream_event(bad).error.empty()) << bad;
}

TEST(RefusalMessage, PrefersTheErrorsOwnWords) {
  EXPECT_EQ(refusal_message(400, R"({"error":{"message":"too long"}})"), "HTTP 400: too long");
  EXPECT_EQ(refusal_message(502, "<html>"), "HTTP 502: <html>");
  EXPECT_EQ(refusal_message(500, ""), "HTTP 500");
  EXPECT_LT(refusal_message(500, std::string(10'000, 'x')).size(), 400u);
}

}  // namespace
}  // namespace troupe
