#include "tools/troupe/bench_workload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using testing::Each;
using testing::Field;

TraceRequest request_of(std::uint32_t tokens, std::vector<std::uint64_t> hash_ids = {}) {
  return {0, tokens, 4, std::move(hash_ids)};
}

TEST(SyntheticLoad, SendsAllAtOnceWithoutARate) {
  SyntheticLoad load;
  load.requests = 5;
  EXPECT_THAT(synthetic_load(load), Each(Field(&TraceRequest::at, 0)));
}

TEST(SyntheticLoad, ArrivesAsAPoissonProcessOfItsRate) {
  SyntheticLoad load;
  load.requests = 20'001;
  load.request_rate = 10;
  const auto requests = synthetic_load(load);
  // The sum of 20,000 gaps of mean 0.1 s has a standard deviation of 14 s; a gap longer than twice the mean has the
  // chance e^-2.
  EXPECT_NEAR(requests.back().at, 2000, 60);
  int long_gaps = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    ASSERT_GE(requests[i].at, requests[i - 1].at);
    long_gaps += requests[i].at - requests[i - 1].at > 0.2;
  }
  EXPECT_NEAR(long_gaps / 20'000.0, 0.1353, 0.01);
}

TEST(SyntheticLoad, IsAFunctionOfItsSeed) {
  SyntheticLoad load;
  load.request_rate = 1;
  const auto first = synthetic_load(load), again = synthetic_load(load);
  load.seed = 1;
  const auto other = synthetic_load(load);
  EXPECT_EQ(first.back().at, again.back().at);
  EXPECT_NE(first.back().at, other.back().at);
}

TEST(PromptTokens, StayAboveTheSpecialIdsAndBelowTheVocabulary) {
  PromptShape shape;
  const auto tokens = prompt_tokens(shape, request_of(5000), 0);
  EXPECT_EQ(tokens.size(), 5000u);
  EXPECT_GE(*std::min_element(tokens.begin(), tokens.end()), 300);
  EXPECT_LT(*std::max_element(tokens.begin(), tokens.end()), 1000);
  shape.vocabulary = 10;
  const auto few = prompt_tokens(shape, request_of(5000), 0);
  EXPECT_LT(*std::max_element(few.begin(), few.end()), 10);
}

TEST(PromptTokens, ShareExactlyTheBlocksWhoseHashesAreEqual) {
  const PromptShape shape;
  const auto a = prompt_tokens(shape, request_of(3 * kTokensPerHash, {1, 2}), 0);
  const auto b = prompt_tokens(shape, request_of(3 * kTokensPerHash, {1, 3}), 1);
  EXPECT_TRUE(std::equal(a.begin(), a.begin() + kTokensPerHash, b.begin()));
  EXPECT_FALSE(std::equal(a.begin() + kTokensPerHash, a.begin() + 2 * kTokensPerHash, b.begin() + kTokensPerHash));
  EXPECT_FALSE(std::equal(a.begin() + 2 * kTokensPerHash, a.end(), b.begin() + 2 * kTokensPerHash))
      << "no hash, no sharing";
  EXPECT_EQ(a, prompt_tokens(shape, request_of(3 * kTokensPerHash, {1, 2}), 0));
}

TEST(RequestBody, AsksForAStreamOfTokensWithUsage) {
  PromptShape shape;
  shape.model = "a \"model\"";
  shape.temperature = 0;
  shape.ignore_eos = true;
  const auto body = nlohmann::json::parse(request_body(shape, request_of(3), 0));
  EXPECT_EQ(body["model"], "a \"model\"");
  EXPECT_EQ(body["prompt"].size(), 3u);
  EXPECT_EQ(body["max_tokens"], 4);
  EXPECT_EQ(body["temperature"], 0);
  EXPECT_EQ(body["ignore_eos"], true);
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
}

TEST(RequestBody, HoldsWhatWasAsked) {
  PromptShape shape;
  shape.extra_body = R"({"return_token_ids": true, "stream_options": {}})";
  const auto body = nlohmann::json::parse(request_body(shape, request_of(3), 0));
  EXPECT_EQ(body["return_token_ids"], true);
  EXPECT_EQ(body["stream_options"], nlohmann::json::object());
  EXPECT_EQ(body["max_tokens"], 4);
}

TEST(RequestBody, TalksInWordsToAChat) {
  PromptShape shape;
  shape.endpoint = BenchEndpoint::kChat;
  const auto body = nlohmann::json::parse(request_body(shape, request_of(3), 0));
  const auto text = body["messages"][0]["content"].get<std::string>();
  EXPECT_EQ(std::count(text.begin(), text.end(), ' '), 2);
  EXPECT_EQ(body["messages"][0]["role"], "user");
  EXPECT_EQ(body["max_completion_tokens"], 4);
  EXPECT_FALSE(body.contains("prompt"));
  EXPECT_FALSE(body.contains("ignore_eos"));
}

}  // namespace
}  // namespace troupe
