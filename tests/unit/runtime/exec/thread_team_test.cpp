#include "runtime/exec/thread_team.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

namespace troupe::exec {
namespace {

TEST(ThreadTeam, RunsEachPartOnceWhateverTheSizes) {
  for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
    ThreadTeam team(threads);
    EXPECT_EQ(team.width(), threads);
    for (const std::size_t parts : {0u, 1u, 2u, 3u, 7u, 64u, 1000u}) {
      std::vector<int> times(parts, 0);
      team.run(parts, [&](std::size_t part) { ++times[part]; });
      EXPECT_EQ(times, std::vector<int>(parts, 1)) << threads << " threads";
    }
  }
}

TEST(ThreadTeam, WhatPartsWroteIsSeenAfterwardsThroughManyShortJobs) {
  ThreadTeam team(3);
  std::vector<std::size_t> numbers(5, 0);
  for (std::size_t job = 0; job < 20000; ++job) {
    const std::size_t parts = 1 + job % 5;
    team.run(parts, [&](std::size_t part) { numbers[part] += job; });
    for (std::size_t part = 0; part < parts; ++part) numbers[part] -= job;
  }
  EXPECT_EQ(numbers, std::vector<std::size_t>(5, 0));
}

TEST(ThreadTeam, AllThreadsTakePartAtOnce) {
  // Each part waits for the others: that ends only if as many threads run as the team says.
  ThreadTeam team(4);
  std::mutex mutex;
  std::condition_variable arrived;
  std::set<std::thread::id> present;
  team.run(4, [&](std::size_t) {
    std::unique_lock lock(mutex);
    present.insert(std::this_thread::get_id());
    arrived.notify_all();
    arrived.wait(lock, [&] { return present.size() == 4; });
  });
  EXPECT_EQ(present.size(), 4u);
  EXPECT_TRUE(present.contains(std::this_thread::get_id()));
}

TEST(ThreadTeam, TheFreeThreadTakesWhatAHeldUpOneLeaves) {
  // One part ends only after all the others have: whoever holds it must not keep any other.
  ThreadTeam team(2);
  std::atomic<int> done{0};
  team.run(100, [&](std::size_t part) {
    if (part == 0) {
      for (int seen = done.load(); seen < 99; seen = done.load()) done.wait(seen);
    }
    ++done;
    done.notify_all();
  });
  EXPECT_EQ(done, 100);
}

TEST(ThreadTeam, WakesFromSleepForWorkAndForItsEnd) {
  // A sleeping team shows by the blocked condition alone, so let it idle through many of its own turns by running other
  // teams meanwhile.
  ThreadTeam idle(4);
  for (int i = 0; i < 200; ++i) {
    ThreadTeam other(3);
    std::atomic<int> parts{0};
    other.run(9, [&](std::size_t) { ++parts; });
    ASSERT_EQ(parts, 9);
  }
  std::atomic<int> parts{0};
  idle.run(50, [&](std::size_t) { ++parts; });
  EXPECT_EQ(parts, 50);
}

TEST(ThreadTeam, MayBeRunFromOneThreadAfterAnother) {
  ThreadTeam team(2);
  std::size_t total = 0;
  for (int i = 0; i < 10; ++i) {
    std::thread([&] {
      std::vector<std::size_t> parts(20);
      team.run(20, [&](std::size_t part) { parts[part] = part; });
      for (const std::size_t part : parts) total += part;
    }).join();
  }
  EXPECT_EQ(total, 1900u);
}

TEST(ThreadTeamDeathTest, RefusesToRunWithinItself) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadTeam team(2);
        team.run(2, [&](std::size_t) { team.run(2, [](std::size_t) {}); });
      },
      "CHECK failed");
}

TEST(ThreadTeamDeathTest, RefusesToBeEmpty) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ThreadTeam(0), "CHECK failed");
}

}  // namespace
}  // namespace troupe::exec
