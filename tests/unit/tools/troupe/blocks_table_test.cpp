// `troupe blocks`: from a machine's leases to JSON, and from JSON to a table.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tools/troupe/blocks_json.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MachineBlocks some_blocks() {
  MachineBlocks blocks;
  blocks.blocks = {{90, 2, 3, 0, 5, 0}, 100, 2};
  blocks.leases.push_back({RequestId{0xfffffffffffffffe}, "front", false, {}, 12'340'000'000, {0, 1, 0, 0, 5, 0}});
  blocks.leases.push_back({RequestId{7}, "front", false, "prompt0", 100'000'000, {0, 0, 3, 0, 0, 0}});
  return blocks;
}

TEST(Blocks, AreATableOfHoldersWithTheirPhaseAndPeer) {
  const auto table = blocks_table(blocks_json("t0", "token0", some_blocks()));
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(
      *table,
      "machine  t0\nnode     token0\n\n"
      "KV BLOCKS  free  reserved  advertised  in_flight  committed  quarantined  held  total\n"
      "           90    2         3           0          5          0            10    100\n\n"
      "REQUEST               OF NODE  PHASE             PEER     HELD FOR  BLOCKS  reserved  advertised  "
      "in_flight  committed  quarantined\n"
      "18446744073709551614  front    decoding          -        12.3 s    6       1         0           0        "
      "  5          0\n"
      "7                     front    prompt elsewhere  prompt0  0.1 s     3       0         3           0        "
      "  0          0\n"
      "1 blocks were given up and are on their way home.\n");
}

TEST(Blocks, OfAMachineThatHoldsNoneSaySo) {
  MachineBlocks none;
  none.blocks = {{100}, 100, 0};
  const auto table = blocks_table(blocks_json("m0", "", none));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(*table, HasSubstr("Nobody holds any."));
  EXPECT_THAT(*table, Not(HasSubstr("node ")));
}

TEST(Blocks, HaveAPhaseByWhoHoldsThemAndWhetherTheyAreWritten) {
  HeldBlocks held;
  held.by_state = {0, 4, 0, 0, 0, 0};
  EXPECT_STREQ(phase_of(held), "prompt");
  held.sends = true;
  EXPECT_STREQ(phase_of(held), "prompt for elsewhere");
  held.by_state = {0, 0, 0, 0, 4, 0};
  EXPECT_STREQ(phase_of(held), "sending");
  held.sends = false;
  EXPECT_STREQ(phase_of(held), "decoding");
  held.by_state = {0, 0, 0, 1, 3, 0};
  EXPECT_STREQ(phase_of(held), "prompt elsewhere");
}

TEST(Blocks, ThatAreNotShownAreNotCountedAsOnTheirWayHome) {
  auto blocks = some_blocks();
  blocks.left_out = 3;
  const auto json = nlohmann::json::parse(blocks_json("t0", "token0", blocks));
  EXPECT_TRUE(json["going_home"].is_null());
  EXPECT_THAT(blocks_table(json.dump()).value(), HasSubstr("... and 3 requests more."));
}

TEST(Blocks, RefuseWhatIsNoAnswerOfOurs) {
  for (const char* text : {"", "[]", "{}", R"({"leases": 1, "blocks": {}})", R"({"leases": [], "blocks": 3})"})
    EXPECT_FALSE(blocks_table(text).ok()) << text;
  const auto odd = blocks_table(R"({"leases": [{"by_state": 1, "request": "\u001b[2J"}], "blocks": {}})");
  ASSERT_TRUE(odd.ok());
  EXPECT_THAT(*odd, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace troupe
