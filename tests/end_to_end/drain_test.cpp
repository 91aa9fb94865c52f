// What SIGTERM does to a server with work under way.
#include <signal.h>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::HasSubstr;

constexpr const char* kCompletions = "/v1/completions";
constexpr std::chrono::milliseconds kExitLimit{30'000};
/// For the exit behind the last answer. A server waits 5 s for actors that do not end: then one was forgotten.
constexpr std::chrono::milliseconds kPromptExit{4000};

std::vector<std::string> slow_with(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"--isa", "reference", "--kv-memory", "64MiB"});
  return flags;
}

TEST(Drain, OfAnIdleServerExitsWithZero) {
  ServedProcess server;
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait(kExitLimit), 0) << server.process().standard_error();
}

TEST(Drain, LetsAStreamFinishWhileReadinessSaysNo) {
  ServedProcess server(slow_with({}));
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy("Once", 60));
  auto event = stream->next();
  ASSERT_TRUE(event);
  server.process().signal(SIGTERM);
  ASSERT_TRUE(comes_true([&] { return api.get("/readyz").status == 503; }));
  const auto refused = api.post(kCompletions, greedy("Twice", 2));
  EXPECT_EQ(refused.status, 503) << "new calls go elsewhere";
  EXPECT_TRUE(refused.json().contains("error"));
  EXPECT_EQ(api.get("/livez").status, 200);
  const auto last = stream->rest();
  ASSERT_GE(last.size(), 2u);
  EXPECT_EQ(last.back(), "[DONE]");
  EXPECT_EQ(Json::parse(last[last.size() - 2])["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(stream->ended_well());
  EXPECT_EQ(server.process().wait(kPromptExit), 0) << server.process().standard_error();
}

TEST(Drain, LetsACallThatIsNotStreamedFinish) {
  ServedProcess server(slow_with({}));
  const Api api(server.url());
  auto body = greedy("Once", 40);
  body["stream"] = false;
  const auto call = api.open(kCompletions, body);
  ASSERT_TRUE(comes_true([&] {
    call->pump();
    return api.metric("troupe_generation_tokens_total") > 0;
  }));
  server.process().signal(SIGTERM);
  call->rest();
  EXPECT_EQ(call->status(), 200);
  EXPECT_TRUE(call->ended_well());
  EXPECT_EQ(server.process().wait(kPromptExit), 0) << server.process().standard_error();
}

TEST(Drain, ThatTimesOutCutsStreamsSoThatItShows) {
  ServedProcess server(slow_with({"--set", "shutdown.drain_timeout=50ms"}));
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy("Once", 1900));
  ASSERT_TRUE(stream->next());
  server.process().signal(SIGTERM);
  const auto last = stream->rest();
  const bool has_error = !last.empty() && Json::parse(last.back(), nullptr, false).contains("error");
  EXPECT_TRUE(has_error || !stream->ended_well()) << "a cut stream must not look whole";
  for (const auto& event : last) EXPECT_NE(event, "[DONE]");
  EXPECT_EQ(server.process().wait(kPromptExit), 75) << server.process().standard_error();
  EXPECT_THAT(server.process().standard_error(), HasSubstr("cut 1 request"));
}

TEST(Drain, ThatTimesOutTellsAStreamWithAnErrorEvent) {
  ServedProcess server(slow_with({"--set", "shutdown.drain_timeout=50ms"}));
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy("Once", 1900));
  ASSERT_TRUE(stream->next());
  server.process().signal(SIGTERM);
  const auto last = stream->rest();
  ASSERT_FALSE(last.empty());
  EXPECT_TRUE(Json::parse(last.back(), nullptr, false).contains("error")) << last.back();
}

TEST(Drain, ThatTimesOutAnswersACallThatIsNotStreamedWithAnErrorOrNotAtAll) {
  ServedProcess server(slow_with({"--set", "shutdown.drain_timeout=50ms"}));
  const Api api(server.url());
  auto body = greedy("Once", 1900);
  body["stream"] = false;
  const auto call = api.open(kCompletions, body);
  ASSERT_TRUE(comes_true([&] {
    call->pump();
    return api.metric("troupe_generation_tokens_total") > 0;
  }));
  server.process().signal(SIGTERM);
  call->rest();
  EXPECT_TRUE(call->status() == 503 || !call->ended_well()) << call->status();
  EXPECT_EQ(server.process().wait(kPromptExit), 75) << server.process().standard_error();
}

TEST(Drain, ASecondInterruptQuitsAtOnce) {
  ServedProcess server(slow_with({}));
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy("Once", 1900));
  ASSERT_TRUE(stream->next());
  server.process().signal(SIGINT);
  ASSERT_TRUE(comes_true([&] { return api.get("/readyz").status == 503; }));
  server.process().signal(SIGINT);
  EXPECT_EQ(server.process().wait(kExitLimit), 128 + SIGINT);
}

}  // namespace
}  // namespace troupe::end_to_end
