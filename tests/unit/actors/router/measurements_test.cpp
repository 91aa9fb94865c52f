#include "actors/router/measurements.hpp"

#include <gmock/gmock.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MachineId kMachine{7};
constexpr TimePoint kStart{1h};

policies::MachineView shown(const Measurements& measured) {
  policies::MachineView view;
  view.id = kMachine;
  measured.show(view);
  return view;
}

TEST(Measurements, nothing_is_known_that_was_not_measured) {
  const Measurements measured;
  EXPECT_FALSE(shown(measured).kv_free);
  EXPECT_FALSE(shown(measured).prompt_tokens_per_s);
  EXPECT_THAT(measured.links(), IsEmpty());
}

TEST(Measurements, a_prompts_time_begins_when_it_was_given_or_when_the_one_before_it_ended) {
  Measurements measured;
  measured.prompt_ran(kMachine, 100, kStart, kStart + 1s);
  EXPECT_NEAR(*shown(measured).prompt_tokens_per_s, 100, 1e-9);
  // It waited until the first had ended, then took a second: the wait is not the machine's slowness.
  measured.prompt_ran(kMachine, 100, kStart, kStart + 2s);
  EXPECT_NEAR(*shown(measured).prompt_tokens_per_s, 100, 1e-9);
}

TEST(Measurements, prompts_of_one_step_count_with_the_time_of_the_step) {
  Measurements measured;
  measured.prompt_ran(kMachine, 100, kStart, kStart + 1s);
  measured.prompt_ran(kMachine, 100, kStart, kStart + 1s);
  EXPECT_NEAR(*shown(measured).prompt_tokens_per_s, 190 / 0.9, 1e-9);
}

TEST(Measurements, a_machine_that_has_become_slower_is_soon_known_as_such) {
  Measurements measured;
  auto now = kStart;
  for (int i = 0; i < 100; ++i, now += 1s) measured.prompt_ran(kMachine, 1000, now, now + 1s);
  for (int i = 0; i < 40; ++i, now += 1s) measured.prompt_ran(kMachine, 10, now, now + 1s);
  EXPECT_LT(*shown(measured).prompt_tokens_per_s, 30);
}

TEST(Measurements, kv_that_was_promised_is_not_free_until_the_machine_is_heard_again) {
  Measurements measured;
  measured.kv_promised(kMachine, 50);
  EXPECT_FALSE(shown(measured).kv_free) << "nothing is known to take it from";
  measured.on(KvRoomHeard{kMachine, 1000});
  measured.kv_promised(kMachine, 50);
  measured.kv_promised(kMachine, 30);
  EXPECT_EQ(shown(measured).kv_free, 920);
  measured.on(KvRoomHeard{kMachine, 960});
  EXPECT_EQ(shown(measured).kv_free, 960);
}

TEST(Measurements, the_pace_of_tokens_is_a_line_over_the_sequences_that_run) {
  Measurements measured;
  EXPECT_FALSE(shown(measured).pace);
  for (int i = 0; i < 50; ++i)
    for (const int running : {10, 60, 110}) measured.tokens_came(kMachine, 100, 100 * (20ms + running * 1ms), running);
  ASSERT_TRUE(shown(measured).pace);
  EXPECT_NEAR(shown(measured).pace->gap_s(0), 0.020, 0.002);
  EXPECT_NEAR(shown(measured).pace->gap_s(100), 0.120, 0.002);
}

TEST(Measurements, a_pace_seen_at_one_load_only_has_no_slope) {
  Measurements measured;
  measured.tokens_came(kMachine, 50, 50 * 30ms, 7);
  EXPECT_NEAR(shown(measured).pace->gap_s(7), 0.030, 1e-9);
  EXPECT_NEAR(shown(measured).pace->gap_s(100), 0.030, 1e-9);
}

TEST(Measurements, tokens_without_a_time_say_nothing_of_the_pace) {
  Measurements measured;
  measured.tokens_came(kMachine, 0, 5ms, 1);
  measured.tokens_came(kMachine, 3, 0ms, 1);
  EXPECT_FALSE(shown(measured).pace);
}

TEST(Measurements, a_link_shows_what_is_on_the_way_in_its_direction) {
  Measurements measured;
  measured.on(LinkMeasured{NodeId{1}, NodeId{2}, 3ms, 5e8});
  measured.kv_on_the_way(NodeId{1}, NodeId{2}, 700);
  measured.kv_on_the_way(NodeId{2}, NodeId{1}, 90);
  measured.kv_on_the_way(NodeId{1}, NodeId{2}, 300);
  measured.kv_on_the_way(NodeId{1}, NodeId{2}, -700);
  const auto links = measured.links();
  ASSERT_THAT(links, SizeIs(1)) << "the other direction was not measured";
  EXPECT_EQ(links[0].from, NodeId{1});
  EXPECT_EQ(links[0].to, NodeId{2});
  EXPECT_EQ(links[0].round_trip, 3ms);
  EXPECT_EQ(links[0].bytes_per_s, 5e8);
  EXPECT_EQ(links[0].bytes_under_way, 300);
}

TEST(Measurements, a_link_without_a_speed_is_passed_over) {
  Measurements measured;
  measured.on(LinkMeasured{NodeId{1}, NodeId{2}, 3ms, 0});
  measured.on(LinkMeasured{NodeId{1}, NodeId{2}, 3ms, std::numeric_limits<double>::quiet_NaN()});
  EXPECT_THAT(measured.links(), IsEmpty());
}

TEST(Measurements, a_machine_that_left_is_forgotten) {
  Measurements measured;
  measured.on(KvRoomHeard{kMachine, 1000});
  measured.prompt_ran(kMachine, 100, kStart, kStart + 1s);
  measured.forget(kMachine);
  EXPECT_FALSE(shown(measured).kv_free);
  EXPECT_FALSE(shown(measured).prompt_tokens_per_s);
}

}  // namespace
}  // namespace troupe
