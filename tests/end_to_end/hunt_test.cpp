// The fault hunt, as it is typed.
#include <gmock/gmock.h>

#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string hash_in(const std::string& out) {
  const auto at = out.find("hash");
  return at == std::string::npos ? "none in: " + out : out.substr(at, 30);
}

TEST(Hunt, SeedsHoldEveryInvariantAndHaveOneHashWhoeverPlaysThem) {
  const auto one = run_troupe({"simulate", "--seeds", "12", "--faults", "--jobs", "1"});
  EXPECT_EQ(one.exit_code, 0) << one.out << one.err;
  EXPECT_THAT(one.out, HasSubstr("12 of 12 seeds from 1 on: every invariant held"));
  const auto three = run_troupe({"simulate", "--seeds", "12", "--faults", "--jobs", "3"});
  EXPECT_EQ(three.exit_code, 0) << three.out << three.err;
  EXPECT_EQ(hash_in(one.out), hash_in(three.out));
}

TEST(Hunt, OneSeedIsToldMessageByMessage) {
  const auto outcome = run_troupe({"simulate", "--seed", "7", "--faults", "--trace-messages", "--last-messages", "0"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("plan: "), HasSubstr("RouteRequest of request 1"),
                                 HasSubstr("seed 7: every invariant held")));
}

TEST(Hunt, FlagsThatMakeNoSenseAreRefusedWithWhatToDo) {
  const auto traced = run_troupe({"simulate", "--faults", "--seeds", "3", "--trace-messages"});
  EXPECT_EQ(traced.exit_code, 64);
  EXPECT_THAT(traced.err, HasSubstr("give it by --seed"));
  const auto none = run_troupe({"simulate", "--faults", "--seeds", "0"});
  EXPECT_EQ(none.exit_code, 64);
  EXPECT_THAT(none.err, HasSubstr("--seeds is at least 1"));
  const auto jobs = run_troupe({"simulate", "--faults", "--jobs", "1000"});
  EXPECT_EQ(jobs.exit_code, 64);
  EXPECT_THAT(jobs.err, HasSubstr("between 1 and 256"));
}

}  // namespace
}  // namespace troupe::end_to_end
