// The same story under many orders of events: whatever the interleaving, nothing is lost, repeated, changed or leaked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/actors/supervisor/unruly_clients.hpp"

namespace troupe {
namespace {

using testing::ElementsAreArray;

/// 40 requests on a machine that is too small for them, a third of them given up at random moments.
void run_seed(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed);
  ServingOptions options;
  options.seed = seed;
  options.device.blocks = 12 + static_cast<std::int32_t>(random.below(40));
  options.max_batch_tokens = random.below(2) == 0 ? 48 : 2048;
  options.prompt_tokens_beside_decodes = random.below(2) == 0 ? 16 : 512;
  options.token_limits.max_running = 2 + static_cast<std::int32_t>(random.below(30));
  Serving serving(options);
  expect_served(serving, random, {.requests = 40, .longest_prompt = 100, .one_in_cancelled = 3});
}

TEST(Seeds, no_order_of_events_loses_repeats_changes_or_leaks_anything) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    run_seed(seed);
    if (testing::Test::HasFailure()) FAIL() << "first failing seed: " << seed;
  }
}

TEST(Seeds, the_same_seed_gives_the_same_run) {
  const auto end_of = [](std::uint64_t seed) {
    ServingOptions options;
    options.seed = seed;
    options.device.blocks = 20;
    Serving serving(options);
    std::vector<Submitted> requests;
    for (std::uint64_t i = 0; i < 10; ++i)
      requests.push_back(serving.submit(Serving::spec(Serving::prompt(30, i), 40)));
    serving.system.run();
    return std::pair{serving.system.now().time_since_epoch().count(), serving.state().machines[0].tokens.preemptions};
  };
  EXPECT_EQ(end_of(11), end_of(11));
}

TEST(Seeds, a_thousand_aborts_leave_every_block_free) {
  ServingOptions options;
  options.seed = 99;
  options.device.blocks = 256;
  Serving serving(options);
  RandomStream random(5);
  std::vector<Submitted> requests;
  for (int i = 0; i < 1000; ++i) {
    requests.push_back(serving.submit(
        Serving::spec(Serving::prompt(1 + static_cast<std::int32_t>(random.below(300)), random.next()), 100)));
    std::uint64_t messages = random.below(300);
    serving.system.run([&] { return messages-- == 0; });
    caf::anon_send(requests.back().actor, CancelCompletion{requests.back().spec->id});
  }
  serving.system.run();
  for (const auto& request : requests) ASSERT_EQ(request.answer->ends.size(), 1u);
  serving.expect_all_blocks_free();
}

TEST(Seeds, requests_move_when_a_machine_is_lost_and_their_tokens_stay_the_same) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ServingOptions options;
    options.seed = seed;
    options.machines = 2;
    Serving serving(options);
    std::vector<Submitted> requests;
    for (std::uint64_t i = 0; i < 8; ++i) requests.push_back(serving.submit(Serving::spec(Serving::prompt(30, i), 40)));
    serving.system.run([&] { return requests[0].answer->tokens.size() >= 5 + seed; });
    // The supervisor's word for a machine that it lost.
    caf::anon_send(serving.router, MachineLeft{MachineId{static_cast<std::uint32_t>(seed % 2)}});
    serving.system.run();
    for (const auto& request : requests) {
      ASSERT_EQ(request.answer->ends.size(), 1u);
      EXPECT_EQ(request.end().reason, FinishReason::kLength);
      EXPECT_TRUE(request.answer->contiguous);
      EXPECT_THAT(request.answer->tokens, ElementsAreArray(Serving::expected(*request.spec)));
    }
  }
}

}  // namespace
}  // namespace troupe
