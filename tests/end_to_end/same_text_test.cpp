// A request's tokens depend on its prompt and sampling parameters alone: not on what runs beside it, on how its prompt
// was cut, on whether it was preempted, nor on the instructions of the host. Compared are text, token ids and logprobs.
#include <gtest/gtest.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

constexpr const char* kCompletions = "/v1/completions";
constexpr std::size_t kCalls = 32;
constexpr int kTokens = 48;

/// Different prompts, of different lengths.
std::vector<Json> different_calls(std::size_t count, int tokens) {
  std::vector<Json> calls;
  for (std::size_t i = 0; i < count; ++i) {
    auto call = greedy(long_prompt(1 + 3 * i % 29, i), tokens);
    call["logprobs"] = 2;
    call["return_token_ids"] = true;
    calls.push_back(std::move(call));
  }
  return calls;
}

Json long_call() {
  auto call = greedy(long_prompt(500), kTokens);
  call["logprobs"] = 2;
  call["return_token_ids"] = true;
  return call;
}

/// What an answer says but for its id and its time.
Json said(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.json().value("choices", Json());
}

std::vector<Json> one_by_one(const Api& api, const std::vector<Json>& calls) {
  std::vector<Json> all;
  for (const auto& call : calls) all.push_back(said(api.post(kCompletions, call)));
  return all;
}

std::vector<Json> together(const Api& api, const std::vector<Json>& calls) {
  std::vector<Json> all;
  for (const auto& answer : api.post_all(kCompletions, calls)) all.push_back(said(answer));
  return all;
}

/// The 32 calls, each alone on a server of the default settings.
const std::vector<Json>& alone() {
  static const auto all = [] {
    const ServedProcess server;
    return one_by_one(Api(server.url()), different_calls(kCalls, kTokens));
  }();
  return all;
}

const Json& long_alone() {
  static const auto choices = [] {
    const ServedProcess server;
    return said(Api(server.url()).post(kCompletions, long_call()));
  }();
  return choices;
}

TEST(SameText, TheAnswersThatAreComparedAreDifferentAndWhole) {
  for (std::size_t i = 0; i < kCalls; ++i) {
    ASSERT_EQ(alone()[i][0]["token_ids"].size(), std::size_t{kTokens});
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(alone()[i], alone()[j]) << i << " and " << j;
  }
  ASSERT_GT(long_alone()[0]["prompt_token_ids"].size(), 500u);
}

TEST(SameText, InABatchOf32DifferentRequests) {
  const ServedProcess server;
  const Api api(server.url());
  EXPECT_EQ(together(api, different_calls(kCalls, kTokens)), alone());
}

TEST(SameText, Beside31RequestsThatAreKnownToRun) {
  const ServedProcess server;
  const Api api(server.url());
  std::vector<std::unique_ptr<Stream>> others;
  for (std::size_t i = 0; i < kCalls - 1; ++i)
    others.push_back(api.open(kCompletions, greedy(long_prompt(5 + i, 100 + i), 1900)));
  ASSERT_TRUE(comes_true([&] {
    for (const auto& other : others) other->pump();
    return api.blocks().running == kCalls - 1;
  }));
  EXPECT_EQ(said(api.post(kCompletions, different_calls(kCalls, kTokens)[17])), alone()[17]);
  EXPECT_EQ(said(api.post(kCompletions, long_call())), long_alone());
  EXPECT_EQ(api.blocks().running, kCalls - 1) << "the others should have run all the time";
}

TEST(SameText, WithALongPromptInChunksOf64) {
  const ServedProcess server({"--set", "scheduling.max_batch_tokens=64"});
  const Api api(server.url());
  EXPECT_EQ(said(api.post(kCompletions, long_call())), long_alone());
}

TEST(SameText, WithChunksOf64InABatch) {
  const ServedProcess server(
      {"--set", "scheduling.max_batch_tokens=64", "--set", "scheduling.prompt_tokens_beside_decodes=24"});
  auto calls = different_calls(kCalls, kTokens);
  calls.push_back(long_call());
  auto expected = alone();
  expected.push_back(long_alone());
  EXPECT_EQ(together(Api(server.url()), calls), expected);
}

TEST(SameText, AfterPreemptions) {
  const ServedProcess server({"--kv-memory", "3MiB"});
  const Api api(server.url());
  auto calls = different_calls(kCalls, kTokens);
  calls.push_back(long_call());
  auto expected = alone();
  expected.push_back(long_alone());
  EXPECT_EQ(together(api, calls), expected);
  EXPECT_GT(api.metric("troupe_num_preemptions_total"), 0) << "the memory should have been too small for all";
  EXPECT_TRUE(comes_true([&] { return api.blocks().free == api.blocks().total; }));
}

TEST(SameText, WhereOtherPoliciesPlanTheMachine) {
  const ServedProcess server({"--kv-memory", "3MiB", "--set", "scheduling.max_batch_tokens=64", "--set",
                              "scheduling.prompt_batching=shortest_first", "--set",
                              "scheduling.token_batching=cheapest_first", "--set", "scheduling.admission=shed_late",
                              "--set", "slo.ttft=10m", "--policy", "slo_aware"});
  const Api api(server.url());
  auto calls = different_calls(kCalls, kTokens);
  calls.push_back(long_call());
  auto expected = alone();
  expected.push_back(long_alone());
  EXPECT_EQ(together(api, calls), expected);
  EXPECT_GT(api.metric("troupe_num_preemptions_total"), 0) << "the memory should have been too small for all";
  EXPECT_TRUE(comes_true([&] { return api.blocks().free == api.blocks().total; }));
}

TEST(SameText, OfSampledTokensAndPenaltiesAfterPreemptions) {
  auto calls = different_calls(kCalls, kTokens);
  for (std::size_t i = 0; i < calls.size(); ++i)
    calls[i].update({{"temperature", 0.9}, {"seed", i}, {"frequency_penalty", 0.5}, {"top_p", 0.95}});
  const ServedProcess roomy;
  const ServedProcess tight({"--kv-memory", "3MiB", "--set", "scheduling.max_batch_tokens=64"});
  const Api api(tight.url());
  EXPECT_EQ(together(api, calls), one_by_one(Api(roomy.url()), calls));
  EXPECT_GT(api.metric("troupe_num_preemptions_total"), 0);
}

TEST(SameText, OfAPromptsLogprobsInChunksOf64) {
  auto call = long_call();
  call.update({{"echo", true}, {"max_tokens", 0}});
  const ServedProcess whole;
  const ServedProcess chunks({"--set", "scheduling.max_batch_tokens=64"});
  const auto expected = said(Api(whole.url()).post(kCompletions, call));
  ASSERT_GT(expected[0]["logprobs"]["token_logprobs"].size(), 500u);
  EXPECT_EQ(said(Api(chunks.url()).post(kCompletions, call)), expected);
}

TEST(SameText, WithOneThread) {
  const ServedProcess server({"--device-threads", "1"});
  EXPECT_EQ(together(Api(server.url()), different_calls(kCalls, kTokens)), alone());
}

TEST(SameText, WithAvx2) {
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "this host has no AVX2";
  const ServedProcess server({"--set", "device.isa=avx2"});
  EXPECT_EQ(together(Api(server.url()), different_calls(kCalls, kTokens)), alone());
}

TEST(SameText, WithAvx512) {
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this host has no AVX-512";
  const ServedProcess server({"--set", "device.isa=avx512"});
  EXPECT_EQ(together(Api(server.url()), different_calls(kCalls, kTokens)), alone());
}

TEST(SameText, WithTheReferenceKernels) {
  const auto calls = different_calls(4, 8);
  const ServedProcess fast;
  const ServedProcess reference({"--set", "device.isa=reference"});
  EXPECT_EQ(together(Api(reference.url()), calls), one_by_one(Api(fast.url()), calls));
}

}  // namespace
}  // namespace troupe::end_to_end
