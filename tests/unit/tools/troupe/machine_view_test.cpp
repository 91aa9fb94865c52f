#include "tools/troupe/machine_view.hpp"

#include <gmock/gmock.h>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string table_of(const std::string& machine) {
  const auto lines = machine_lines(R"({"machines": [)" + machine + "]}");
  EXPECT_TRUE(lines.ok());
  return roles_table(*lines);
}

TEST(RolesTable, ShowsAMachineThatIsAwayFromHomeWithSinceWhenAndWhy) {
  const auto table = table_of(
      R"({"name": "m0", "node": "mixed0", "role": "prompt", "home_role": "mixed", "role_for_s": 42, "role_why": "much to do", "state": "serving"})");
  EXPECT_THAT(table, HasSubstr("m0       mixed0  prompt  serving\n"));
  EXPECT_THAT(table, HasSubstr("m0 is a mixed machine by rights; prompt for 42 s: much to do\n"));
}

TEST(RolesTable, SaysNothingMoreOfAMachineAtHome) {
  EXPECT_THAT(table_of(R"({"name": "m0", "node": "n", "role": "mixed", "home_role": "mixed", "state": "serving"})"),
              Not(HasSubstr("by rights")));
  // As a server of an older build answers.
  EXPECT_THAT(table_of(R"({"name": "m0", "node": "n", "role": "prompt", "state": "serving"})"),
              Not(HasSubstr("by rights")));
}

TEST(RolesTable, LetsNoServerMoveTheCursor) {
  EXPECT_THAT(table_of(R"({"name": "m\u001b[2J", "node": "n", "role": "mixed", "state": "serving"})"),
              HasSubstr("m?[2J"));
}

TEST(RolesTable, RefusesWhatIsNoStatus) {
  EXPECT_FALSE(machine_lines("{}").ok());
  EXPECT_FALSE(machine_lines("[1").ok());
  EXPECT_THAT(*machine_lines(R"({"machines": [1, "m"]})"), SizeIs(0));
}

}  // namespace
}  // namespace troupe
