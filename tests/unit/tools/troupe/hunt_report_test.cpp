// What people read of a fault hunt.
#include "tools/troupe/hunt_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

hunt::HuntResult result(std::uint64_t seed, std::uint64_t hash = 1) {
  hunt::HuntResult result;
  result.seed = seed;
  result.hash = hash;
  result.messages = 1200;
  return result;
}

TEST(HuntReport, ASeedThatFailsIsToldWithTheCommandThatReplaysIt) {
  auto failed = result(18);
  failed.violations = {{"S4", "the router still counts work", RequestId{2}}};
  EXPECT_EQ(in_words(failed, true),
            "seed 18 broke an invariant:\n"
            "  S4: the router still counts work\n"
            "replay it, message by message:\n"
            "  troupe simulate --seed 18 --faults --trace-messages\n");
  EXPECT_THAT(in_words(failed, false), HasSubstr("troupe simulate --seed 18 --trace-messages\n"));
}

TEST(HuntReport, TheHashOfAllSeedsDoesNotDependOnTheirOrder) {
  HuntSummary one, other, third;
  one.add(result(1, 10));
  one.add(result(2, 20));
  other.add(result(2, 20));
  other.add(result(1, 10));
  third.add(result(1, 20));
  third.add(result(2, 10));
  EXPECT_EQ(one.hash, other.hash);
  EXPECT_NE(one.hash, third.hash);
}

TEST(HuntReport, CoverageTellsSeedsAndTimesAndNamesWhatNeverCameAbout) {
  HuntSummary summary;
  auto one = result(1);
  one.happened = {{"fault: a node dies", 1000}};
  summary.add(one);
  one.happened["fault: a node dies"] = 500;
  summary.add(one);
  const auto text = coverage_in_words(summary);
  EXPECT_THAT(text, HasSubstr("         2       1,500  fault: a node dies\n"));
  EXPECT_THAT(text, HasSubstr("  1 of " + std::to_string(hunt::what_may_happen().size()) + " came about\n"));
  EXPECT_THAT(text, HasSubstr("  never: fault: a node stalls\n"));
}

TEST(HuntReport, ProgressOutsideATerminalIsALineATenth) {
  HuntProgress progress(false);
  HuntSummary summary;
  summary.seeds = 20;
  int lines = 0;
  for (int i = 0; i < 20; ++i) {
    summary.add(result(1));
    lines += progress.render(summary, 1.0 + i).empty() ? 0 : 1;
  }
  EXPECT_EQ(lines, 10);
}

TEST(HuntReport, TheMessagesOfAViolatedRequestAreShownApart) {
  MessageLog log(1);
  log.add("plan: front0 takes request 1", false);
  log.add("a -> b: Routed of request 2", true);
  log.add("a -> b: Routed of request 21", true);
  log.add("a -> b: FlushNews", true);
  std::ostringstream out;
  log.print(out, {{"S1", "ended twice", RequestId{2}}});
  EXPECT_EQ(out.str(),
            "what happened:\n"
            "  plan: front0 takes request 1\n"
            "messages of request id 2:\n"
            "  plan: front0 takes request 1\n"
            "  a -> b: Routed of request 2\n"
            "the last 1 messages:\n"
            "  a -> b: FlushNews\n");
}

}  // namespace
}  // namespace troupe
