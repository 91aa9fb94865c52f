#include "actors/policies/split_cost.hpp"

#include <gtest/gtest.h>

namespace troupe::policies {
namespace {

/// 1000 tokens/s on both machines; 1 kB of KV a token; 40 ms and 1 MB/s between them.
struct Case {
  Case() {
    snapshot.prompt_tokens = 100;
    snapshot.kv_bytes_per_token = 1000;
    prompt.node = NodeId{4};
    token.node = NodeId{5};
    prompt.prompt_tokens_per_s = token.prompt_tokens_per_s = 1000;
    snapshot.links = {{NodeId{4}, NodeId{5}, std::chrono::milliseconds{40}, 1e6, 0}};
  }
  SplitVerdict verdict() const { return weigh_split(snapshot, prompt, token, settings); }

  RoutingSnapshot snapshot;
  MachineView prompt, token;
  RoutingSettings settings;
};

TEST(SplitCost, a_short_prompt_pays_its_whole_transfer_and_a_round_trip) {
  const auto verdict = Case().verdict();
  EXPECT_NEAR(verdict.split_s, 0.1 + 0.040 + 0.1, 1e-9);
  EXPECT_NEAR(verdict.alone_s, 0.1, 1e-9);
  EXPECT_FALSE(verdict.pays);
}

TEST(SplitCost, a_long_prompt_pays_its_last_group_of_layers) {
  Case c;
  c.snapshot.prompt_tokens = 128;
  c.snapshot.links[0] = {NodeId{4}, NodeId{5}, std::chrono::nanoseconds{0}, 1e8, 0};  // 1.28 ms for all
  EXPECT_NEAR(c.verdict().split_s, 0.128 + 0.00128 / 6, 1e-9);
}

TEST(SplitCost, what_is_a_long_prompt_depends_on_the_link) {
  Case c;
  const auto over = [&](std::chrono::milliseconds round_trip) {
    c.snapshot.links[0].round_trip = round_trip;
    return c.verdict().split_s - std::chrono::duration<double>(round_trip).count();
  };
  EXPECT_NEAR(over(std::chrono::milliseconds{40}), 0.1 + 0.1, 1e-9);
  EXPECT_NEAR(over(std::chrono::milliseconds{2}), 0.1 + 0.1 / 6, 1e-9);
  c.settings.layer_groups = 1;
  EXPECT_NEAR(over(std::chrono::milliseconds{2}), 0.1 + 0.1, 1e-9);
}

TEST(SplitCost, a_link_slower_than_the_machine_hides_only_as_much_as_the_prompt_takes) {
  Case c;
  c.snapshot.prompt_tokens = 600;
  c.snapshot.links[0].bytes_per_s = 1e5;  // 6 s, of which 5/6 of 0.6 s are hidden
  EXPECT_NEAR(c.verdict().split_s, 0.6 + 0.040 + 5.5, 1e-9);
}

TEST(SplitCost, each_sequence_on_the_token_machine_would_wait_for_the_prompt) {
  Case c;
  c.token.running = 3;
  EXPECT_NEAR(c.verdict().alone_s, 0.4, 1e-9);
  EXPECT_TRUE(c.verdict().pays);
}

TEST(SplitCost, prompts_that_wait_count_on_either_side) {
  Case c;
  c.prompt.pending_prompt_tokens = 500;
  c.token.pending_prompt_tokens = 700;
  EXPECT_NEAR(c.verdict().split_s, 0.5 + 0.1 + 0.040 + 0.1, 1e-9);
  EXPECT_NEAR(c.verdict().alone_s, 0.7 + 0.1, 1e-9);
}

TEST(SplitCost, a_saturated_link_makes_a_split_wait_for_what_is_before_it) {
  Case c;
  c.token.running = 3;
  c.prompt.pending_prompt_tokens = 100;
  c.snapshot.links[0].bytes_under_way = 50'000;  // 50 ms, within the 100 ms that the prompts before take to compute
  EXPECT_NEAR(c.verdict().split_s, 0.1 + 0.1 + 0.040 + 0.1, 1e-9);
  EXPECT_TRUE(c.verdict().pays);
  c.snapshot.links[0].bytes_under_way = 900'000;
  EXPECT_NEAR(c.verdict().split_s, 0.1 + 0.1 + 0.040 + 0.1 + 0.8, 1e-9);
  EXPECT_FALSE(c.verdict().pays);
}

TEST(SplitCost, a_token_machine_that_ran_no_prompt_yet_is_taken_to_be_as_fast_as_the_prompt_machine) {
  Case c;
  c.token.prompt_tokens_per_s.reset();
  EXPECT_NEAR(c.verdict().alone_s, 0.1, 1e-9);
}

TEST(SplitCost, what_was_not_measured_does_not_forbid_a_split) {
  Case no_speed;
  no_speed.prompt.prompt_tokens_per_s.reset();
  no_speed.token.prompt_tokens_per_s.reset();
  EXPECT_TRUE(no_speed.verdict().pays);
  EXPECT_NE(no_speed.verdict().why.find("speed of prompts has not been measured"), std::string::npos);
  Case other_way;
  other_way.snapshot.links[0].from = NodeId{5};
  other_way.snapshot.links[0].to = NodeId{4};
  EXPECT_TRUE(other_way.verdict().pays);
  EXPECT_NE(other_way.verdict().why.find("link has not been measured"), std::string::npos);
}

}  // namespace
}  // namespace troupe::policies
