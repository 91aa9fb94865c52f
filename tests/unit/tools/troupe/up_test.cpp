// The parts of `troupe up` that need no cluster: when to start again, one log out of many, the order of stopping, what
// readiness means, and one child process.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "tools/troupe/up_log.hpp"
#include "tools/troupe/up_process.hpp"
#include "tools/troupe/up_ready.hpp"
#include "tools/troupe/up_restarts.hpp"
#include "tools/troupe/up_stop.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Ending killed(milliseconds lived) { return {true, SIGKILL, lived}; }

TEST(Restarts, WaitTwiceAsLongEachTimeUpToTenSeconds) {
  Restarts restarts;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(restarts.after(killed(milliseconds(5))).start_in->count());
  EXPECT_THAT(waits, ElementsAre(200, 400, 800, 1600, 3200, 6400, 10'000, 10'000));
}

TEST(Restarts, BeginAnewOnceANodeHasLivedForThirtySeconds) {
  Restarts restarts;
  for (int i = 0; i < 4; ++i) restarts.after(killed(milliseconds(29'999)));
  EXPECT_EQ(restarts.after(killed(milliseconds(29'999))).start_in, milliseconds(3200));
  EXPECT_EQ(restarts.after(killed(seconds(30))).start_in, milliseconds(200));
  EXPECT_EQ(restarts.after(killed(milliseconds(1))).start_in, milliseconds(400));
}

TEST(Restarts, GiveUpWhereTheFirstProcessFindsFaultWithItsInput) {
  for (const int code : {64, 65, 66, 78}) {
    Restarts restarts;
    const AfterEnd after = restarts.after({false, code, milliseconds(3)});
    EXPECT_EQ(after.give_up_with, code);
    EXPECT_FALSE(after.start_in);
  }
}

TEST(Restarts, GoOnWhereALaterProcessFindsFaultWithItsInput) {
  Restarts restarts;
  restarts.after(killed(milliseconds(3)));
  const AfterEnd after = restarts.after({false, 78, milliseconds(3)});
  EXPECT_FALSE(after.give_up_with);
  EXPECT_EQ(after.start_in, milliseconds(400));
}

TEST(Restarts, GoOnAfterFailuresThatMayPass) {
  for (const int code : {69, 70, 75, 127}) {
    Restarts restarts;
    EXPECT_EQ(restarts.after({false, code, milliseconds(3)}).start_in, milliseconds(200)) << code;
  }
}

TEST(Restarts, ANodeThatLeftInOrderIsLetBe) {
  Restarts restarts;
  const AfterEnd after = restarts.after({false, 0, seconds(40)});
  EXPECT_FALSE(after.start_in);
  EXPECT_FALSE(after.give_up_with);
}

TEST(Restarts, AnEndIsDescribedByItsSignalOrWhatItsCodeMeans) {
  EXPECT_EQ(described(killed(seconds(1))), "was ended by signal 9 (SIGKILL)");
  EXPECT_EQ(described({false, 70, seconds(1)}), "exited with 70 (internal failure)");
  EXPECT_EQ(described({false, 3, seconds(1)}), "exited with 3");
}

TEST(LineSplitter, GivesLinesHoweverTheirBytesArrive) {
  LineSplitter splitter;
  EXPECT_THAT(splitter.feed("on"), IsEmpty());
  EXPECT_THAT(splitter.feed("e\ntwo\n\nthr"), ElementsAre("one", "two", ""));
  EXPECT_THAT(splitter.feed("ee\n"), ElementsAre("three"));
  EXPECT_THAT(splitter.rest(), IsEmpty());
  EXPECT_THAT(splitter.feed("last"), IsEmpty());
  EXPECT_THAT(splitter.rest(), ElementsAre("last"));
}

TEST(LineSplitter, CutsALineOverTheLimitAndNotOneAtIt) {
  LineSplitter splitter;
  const std::string full(LineSplitter::kMostLineBytes, 'x');
  EXPECT_THAT(splitter.feed(full + "\nnext\n"), ElementsAre(full, "next"));
  EXPECT_THAT(splitter.feed(full + "y\n"), ElementsAre(full, "y"));
  EXPECT_THAT(splitter.feed(full), IsEmpty());
  EXPECT_THAT(splitter.feed("\n"), ElementsAre(full));
}

TEST(MergedLog, PutsAlignedNamesInFront) {
  const MergedLog log({"a", "front"}, false);
  EXPECT_EQ(log.render(0, "one"), "a     | one\n");
  EXPECT_EQ(log.render(1, "two"), "front | two\n");
  EXPECT_EQ(log.render(2, "own"), "up    | own\n");
}

TEST(MergedLog, ColoursOnlyNamesAndOnlyWhereAsked) {
  const MergedLog log({"a", "b"}, true);
  EXPECT_THAT(log.render(0, "text"), HasSubstr("\033[0m text\n"));
  EXPECT_NE(log.render(0, "x").substr(0, 5), log.render(1, "x").substr(0, 5));
}

TEST(MergedLog, ShowsNoControlCharactersOfOthers) {
  const MergedLog log({"node"}, false);
  EXPECT_EQ(log.render(0, "a\033[2Jb\rc"), "node | a [2Jb c\n");
}

/// Two nodes with machines, one that serves HTTP between them, ten seconds to drain.
class Stopping : public ::testing::Test {
 protected:
  Stopping() {
    cluster_.nodes.resize(3);
    cluster_.nodes[1].http.emplace();
    cluster_.shared.shutdown.drain_timeout = seconds(10);
    plan_.emplace(cluster_, at(0));
  }
  static StopPlan::Time at(int s) { return StopPlan::Time(seconds(1000 + s)); }
  /// As "1:15" for signal 15 to node 1.
  std::vector<std::string> orders(int s, const std::vector<bool>& running) {
    std::vector<std::string> out;
    for (const auto& order : plan_->next(at(s), running))
      out.push_back(std::to_string(order.node) + ':' + std::to_string(order.signal));
    return out;
  }

  config::ClusterConfig cluster_;
  std::optional<StopPlan> plan_;
};

TEST_F(Stopping, TheNodeThatServesHttpIsAskedFirstAndTheOthersOnceItIsGone) {
  EXPECT_THAT(orders(0, {true, true, true}), ElementsAre("1:15"));
  EXPECT_THAT(orders(3, {true, true, true}), IsEmpty());
  EXPECT_THAT(orders(4, {true, false, true}), ElementsAre("0:15", "2:15"));
  EXPECT_THAT(orders(5, {false, false, true}), IsEmpty());
}

TEST_F(Stopping, ADrainThatDoesNotEndIsCutFiveSecondsAfterItsTime) {
  orders(0, {true, true, true});
  EXPECT_EQ(plan_->wake_at(), at(15));
  EXPECT_THAT(orders(14, {true, true, true}), IsEmpty());
  EXPECT_THAT(orders(15, {true, true, true}), ElementsAre("1:9", "0:15", "2:15"));
}

TEST_F(Stopping, WhoStaysFiveSecondsAfterBeingAskedIsKilledOnce) {
  orders(0, {true, true, true});
  orders(1, {true, false, true});
  EXPECT_EQ(plan_->wake_at(), at(6));
  EXPECT_THAT(orders(6, {true, false, false}), ElementsAre("0:9"));
  EXPECT_THAT(orders(100, {true, false, false}), IsEmpty());
}

TEST_F(Stopping, WithNobodyServingHttpTheOthersAreAskedAtOnce) {
  EXPECT_THAT(orders(0, {true, false, true}), ElementsAre("0:15", "2:15"));
}

TEST(Readiness, CountsMachinesThatServe) {
  EXPECT_EQ(machines_in_status(R"({"machines": [{"state": "serving"}, {"state": "lost"}, {"state": "serving"}]})"), 2u);
  EXPECT_EQ(machines_in_status(R"({"machines": []})"), 0u);
  for (const char* other : {"", "[]", "{}", R"({"machines": 3})", "{\"machines\": [1, null]"})
    EXPECT_FALSE(machines_in_status(other)) << other;
  EXPECT_EQ(machines_in_status(R"({"machines": [1, null, {"state": 5}]})"), 0u);
}

TEST(Readiness, FindsTheAddressThatANodeSaysItListensOn) {
  EXPECT_EQ(url_in_line("Listening on http://127.0.0.1:4711   (OpenAI API: ...)"), "http://127.0.0.1:4711");
  EXPECT_EQ(url_in_line("Listening on https://[::1]:5"), "https://[::1]:5");
  EXPECT_EQ(url_in_line("Node \"front\" is up, listening on http://127.0.0.1:1"), "http://127.0.0.1:1");
  EXPECT_FALSE(url_in_line("Listening on port 5"));
  EXPECT_FALSE(url_in_line("nothing"));
}

/// Everything it writes until it ends, and how it ended.
std::pair<std::string, Ending> outcome_of(NodeProcess process) {
  std::string text;
  while (process.output() >= 0) {
    pollfd waited{process.output(), POLLIN, 0};
    ::poll(&waited, 1, -1);
    text += process.read_output();
  }
  for (;;) {
    if (const auto ending = process.reap()) return {text, *ending};
    ::poll(nullptr, 0, 1);
  }
}

// The child is this very test program.
TEST(NodeProcess, IsThisBinaryWithItsOutputInAPipe) {
  auto process = NodeProcess::start({{"--gtest_list_tests", "--gtest_filter=NodeProcess.*"}, {}});
  ASSERT_TRUE(process.ok()) << process.error().message;
  const auto [text, ending] = outcome_of(std::move(process).value());
  EXPECT_THAT(text, HasSubstr("IsThisBinaryWithItsOutputInAPipe"));
  EXPECT_FALSE(ending.by_signal);
  EXPECT_EQ(ending.number, 0);
}

// Before any test: the process that a test started as a child says that it is there and ends only by a signal.
const bool kIsParent = [] {
  const char* told = std::getenv("UP_TEST_VALUE");
  if (!told) return true;
  std::fprintf(stderr, "told %s, group %s\n", told, ::getpgrp() == ::getpid() ? "own" : "shared");
  for (;;) ::pause();
}();

NodeProcess waiting_process() {
  CHECK(kIsParent);
  auto process = NodeProcess::start({{}, {"UP_TEST_VALUE=seven"}});
  CHECK(process.ok(), process.error().message);
  return std::move(process).value();
}

std::string read_until(NodeProcess& process, const std::string& word) {
  std::string text;
  while (process.output() >= 0 && text.find(word) == std::string::npos) {
    pollfd waited{process.output(), POLLIN, 0};
    ::poll(&waited, 1, -1);
    text += process.read_output();
  }
  return text;
}

TEST(NodeProcess, HasItsEnvironmentAndAProcessGroupOfItsOwn) {
  NodeProcess process = waiting_process();
  EXPECT_THAT(read_until(process, "group"), HasSubstr("told seven, group own"));
}

TEST(NodeProcess, IsStillRunningUntilASignalEndsIt) {
  NodeProcess process = waiting_process();
  read_until(process, "group");
  EXPECT_FALSE(process.reap());
  process.send(SIGTERM);
  const auto [text, ending] = outcome_of(std::move(process));
  EXPECT_TRUE(ending.by_signal);
  EXPECT_EQ(ending.number, SIGTERM);
}

TEST(NodeProcess, DoesNotOutliveItsHandle) {
  pid_t pid = 0;
  {
    const NodeProcess process = waiting_process();
    pid = process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace troupe
