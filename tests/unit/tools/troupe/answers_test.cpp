// What servers answer, as `troupe status` and `troupe request` show it.
#include <gmock/gmock.h>

#include "tools/troupe/server_address.hpp"
#include "tools/troupe/status_table.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kStatus = R"({"model": "demo", "nodes": [{"name": "n0", "pid": 4711, "state": "ready"}],
  "machines": [{"name": "m0", "node": "n0", "role": "mixed", "running": 2, "waiting": 10,
                "blocks": {"free": 90, "reserved": 1, "advertised": 0, "committed": 9, "in_flight": 0, "quarantined": 0, "held": 10,
                           "total": 100}}]})";

TEST(StatusTable, ShowsNodesMachinesAndBlocksInColumns) {
  const auto table = status_table(kStatus);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(*table,
            "model  demo\n\n"
            "NODE  PID   STATE  ROUTER\n"
            "n0    4711  ready  -\n\n"
            "MACHINE  NODE  ROLE   RUNNING  WAITING\n"
            "m0       n0    mixed  2        10\n\n"
            "KV BLOCKS  free  reserved  advertised  committed  in_flight  quarantined  held  total\n"
            "m0         90    1         0           9          0          0            10    100\n");
}

TEST(StatusTable, ShowsADashForWhatIsMissingOrOfAnotherType) {
  const auto table = status_table(R"({"nodes": [{"pid": [1]}], "machines": [{"blocks": 3}]})");
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(*table, HasSubstr("NODE  PID  STATE  ROUTER\n-     -    -      -\n"));
}

TEST(StatusTable, RefusesWhatIsNoStatus) {
  for (const char* text :
       {"", "<html>", "[]", "{}", R"({"nodes": [], "machines": 1})", R"({"nodes": [1], "machines": []})"}) {
    EXPECT_FALSE(status_table(text).ok()) << text;
  }
}

TEST(StatusTable, LetsNoControlCharacterReachTheTerminal) {
  const auto table = status_table(R"({"nodes": [{"name": "\u001b[2Jx"}], "machines": []})");
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(*table, Not(HasSubstr("\x1b")));
}

TEST(Refusals, CarryTheServersOwnMessage) {
  const Error error = refusal_from(404, R"({"error": {"message": "no such request", "type": "not_found_error"}})");
  EXPECT_EQ(error.code, ErrorCode::kMissingInput);
  EXPECT_THAT(error.message, HasSubstr("404: no such request"));
}

TEST(Refusals, SayWhereTheKeyGoes) { EXPECT_THAT(refusal_from(401, "").message, HasSubstr("TROUPE_API_KEY")); }

TEST(Refusals, OfAnotherServerAreCutAndHarmless) {
  const Error error = refusal_from(500, "\x1b[31m" + std::string(100'000, 'x') + "\xff");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_LT(error.message.size(), 400u);
  EXPECT_THAT(error.message, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace troupe
