// Processes that play seeds.
#include "tools/troupe/hunt_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <vector>

namespace troupe {
namespace {

using ::testing::ElementsAre;

void listen(HuntWorker& worker) {
  while (worker.output() >= 0) {
    pollfd waiting{worker.output(), POLLIN, 0};
    ASSERT_GT(::poll(&waiting, 1, 60'000), 0);
    worker.read();
  }
}

TEST(HuntWorker, PlaysItsShareOfTheSeedsAndTellsWhatTheyAreHere) {
  std::vector<std::uint64_t> seeds, hashes;
  auto worker = HuntWorker::start({{3, 8, 2}, true}, {[&](const hunt::HuntResult& result) {
                                                        seeds.push_back(result.seed);
                                                        hashes.push_back(result.hash);
                                                        EXPECT_TRUE(result.violations.empty());
                                                      },
                                                      {}});
  ASSERT_TRUE(worker.ok()) << worker.error().message;
  listen(*worker);
  EXPECT_THAT(seeds, ElementsAre(3, 5, 7));
  EXPECT_EQ(hashes.at(1), hunt::hunt(5, true).hash);
}

TEST(HuntWorker, OneThatIsKilledIsAFailureOfTheSeedThatItPlayed) {
  std::vector<hunt::HuntResult> results;
  auto worker = HuntWorker::start({{1, 1'000'000, 1}, true},
                                  {[&](const hunt::HuntResult& result) { results.push_back(result); }, {}});
  ASSERT_TRUE(worker.ok()) << worker.error().message;
  while (results.empty()) {
    pollfd waiting{worker->output(), POLLIN, 0};
    ASSERT_GT(::poll(&waiting, 1, 60'000), 0);
    worker->read();
  }
  ::kill(worker->pid(), SIGABRT);
  listen(*worker);
  ASSERT_EQ(results.back().violations.size(), 1u);
  EXPECT_EQ(results.back().violations[0].invariant, "CHECK");
  EXPECT_THAT(results.back().violations[0].what, ::testing::HasSubstr("Aborted"));
  const auto played_before = results.size() - 1;
  EXPECT_GE(results.back().seed, played_before);
  EXPECT_LE(results.back().seed, played_before + 1);
}

}  // namespace
}  // namespace troupe
