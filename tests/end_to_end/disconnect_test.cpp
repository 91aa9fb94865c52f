// Clients that leave: the work for them stops, and everything it held comes back.
#include <deque>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

constexpr const char* kCompletions = "/v1/completions";
/// The plain kernels: a token takes long enough for a client to leave in the middle of an answer, or of a prompt.
const std::vector<std::string> kSlow = {"--isa", "reference", "--kv-memory", "64MiB"};

/// Every block free and nothing running or waiting.
bool is_idle(const Api& api) {
  const auto count = api.blocks();
  return count.total > 0 && count.free == count.total && count.running == 0 && count.waiting == 0;
}

double aborted(const Api& api) { return api.metric("troupe_request_success_total", "\"abort\""); }

TEST(Disconnect, InTheMiddleOfAStreamEndsTheWork) {
  const ServedProcess server(kSlow);
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy("Once", 1500));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->next());
  EXPECT_LT(api.blocks().free, api.blocks().total);
  stream->leave();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
  EXPECT_EQ(aborted(api), 1);
  EXPECT_LT(api.metric("troupe_generation_tokens_total"), 750) << "generation should have stopped";
}

TEST(Disconnect, InTheMiddleOfThePromptEndsTheWork) {
  const ServedProcess server({"--isa", "reference", "--kv-memory", "64MiB", "--set", "scheduling.max_batch_tokens=64"});
  const Api api(server.url());
  const auto stream = api.open(kCompletions, greedy(long_prompt(1500), 20));
  ASSERT_TRUE(comes_true([&] {
    stream->pump();
    return api.blocks().free < api.blocks().total;
  }));
  stream->leave();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
  EXPECT_EQ(aborted(api), 1);
  EXPECT_EQ(api.metric("troupe_generation_tokens_total"), 0);
}

TEST(Disconnect, OfACallThatIsNotStreamedEndsTheWork) {
  const ServedProcess server(kSlow);
  const Api api(server.url());
  auto body = greedy("Once", 1500);
  body["stream"] = false;
  const auto call = api.open(kCompletions, body);
  ASSERT_TRUE(comes_true([&] {
    call->pump();
    return api.metric("troupe_generation_tokens_total") > 0;
  }));
  call->leave();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
  EXPECT_EQ(aborted(api), 1);
  EXPECT_LT(api.metric("troupe_generation_tokens_total"), 750);
}

TEST(Disconnect, OfACallThatWaitsTakesItOutOfTheQueue) {
  auto flags = kSlow;
  flags.insert(flags.end(), {"--max-running", "1"});
  const ServedProcess server(flags);
  const Api api(server.url());
  const auto running = api.open(kCompletions, greedy("Once", 1500));
  ASSERT_TRUE(running->next());
  const auto waiting = api.open(kCompletions, greedy("Twice", 1500));
  ASSERT_TRUE(comes_true([&] {
    waiting->pump();
    return api.blocks().waiting == 1;
  }));
  waiting->leave();
  EXPECT_TRUE(comes_true([&] { return api.blocks().waiting == 0; }));
  EXPECT_EQ(aborted(api), 1);
  EXPECT_TRUE(running->next()) << "the other goes on";
  running->leave();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
}

TEST(Disconnect, OfACallWithSeveralChoicesEndsThemAll) {
  const ServedProcess server(kSlow);
  const Api api(server.url());
  auto body = greedy("Once", 1500);
  body.update({{"n", 4}, {"temperature", 1}});
  const auto stream = api.open(kCompletions, body);
  ASSERT_TRUE(stream->next());
  ASSERT_TRUE(comes_true([&] { return api.blocks().running == 4; }));
  stream->leave();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
  EXPECT_EQ(aborted(api), 4);
}

TEST(Disconnect, TwoHundredTimesAtVariedPointsLeavesNothingBehind) {
  ServedProcess server({"--kv-memory", "8MiB", "--set", "scheduling.max_batch_tokens=64"});
  const Api api(server.url());
  const auto text_before = api.post(kCompletions, greedy("Once upon a time", 30)).text();
  ASSERT_TRUE(comes_true([&] { return is_idle(api); }));
  const auto files_before = server.process().open_files();
  std::deque<std::unique_ptr<Stream>> open;
  for (std::size_t i = 0; i < 200; ++i) {
    open.push_back(api.open(kCompletions, greedy(long_prompt(i * 37 % 300, i), 500)));
    open.back()->pump();
    // Some leave before the server has read them, some in the queue or the prompt, some in the middle of their answer;
    // what is asked for is more than the memory holds, so that some are preempted meanwhile.
    if (open.size() < 12) continue;
    for (std::size_t read = i % 5; read > 0; --read) open.front()->next();
    const auto leaver = i % 3 == 0 ? open.end() - 1 : open.begin();
    (*leaver)->leave();
    open.erase(leaver);
  }
  open.clear();
  EXPECT_TRUE(comes_true([&] { return is_idle(api); }));
  EXPECT_GE(aborted(api), 100) << "most should have been under way";
  EXPECT_TRUE(comes_true([&] { return server.process().open_files() <= files_before; }))
      << server.process().open_files() << " files are open, before it were " << files_before;
  EXPECT_EQ(api.post(kCompletions, greedy("Once upon a time", 30)).text(), text_before);
}

}  // namespace
}  // namespace troupe::end_to_end
