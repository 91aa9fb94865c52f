#include "actors/splitwise_sim/pools.hpp"

#include <gtest/gtest.h>

namespace troupe::splitwise_sim {
namespace {

constexpr std::int64_t kBytes = 1;  // a token's KV

PooledMachine machine(Place home, std::int64_t memory = 1'000'000) { return {home, 0, memory, kBytes}; }
RequestFacts request(std::int64_t prompt, std::int64_t output = 10) { return {0, 0, prompt, output}; }

TEST(Pools, GiveMixedMachinesTheFewestPendingTokensAndTiesToTheFirst) {
  Pools pools(Routing::kTokenJsq, {machine(Place::kMixed), machine(Place::kMixed)});
  EXPECT_EQ(pools.route(request(100)).prompt_machine, 0u);
  EXPECT_EQ(pools.route(request(50)).prompt_machine, 1u);
  EXPECT_EQ(pools.route(request(10)).token_machine, 1u);
  pools.report(0, 100, 0, false);
  EXPECT_EQ(pools.route(request(10)).prompt_machine, 0u);
}

TEST(Pools, ChooseThePromptByPendingTokensAndTheTokensByReservedMemory) {
  Pools pools(Routing::kMixedPool,
              {machine(Place::kPrompt), machine(Place::kPrompt), machine(Place::kToken), machine(Place::kToken)});
  const auto first = pools.route(request(100, 10));
  EXPECT_EQ(first.prompt_machine, 0u);
  EXPECT_EQ(first.token_machine, 2u);
  const auto second = pools.route(request(20, 500));
  EXPECT_EQ(second.prompt_machine, 1u);
  EXPECT_EQ(second.token_machine, 3u);
  EXPECT_EQ(pools.route(request(1)).token_machine, 2u) << "110 bytes are reserved there, 520 on the other";
}

TEST(Pools, DrawInATokenMachineOnlyWhenThePromptQueueIsLongAndSomeoneWaits) {
  Pools pools(Routing::kMixedPool, {machine(Place::kPrompt), machine(Place::kToken), machine(Place::kToken)});
  pools.route(request(8000));
  EXPECT_EQ(pools.route(request(500)).moves, 0u) << "nobody waits there";
  pools.report(0, 0, 0, true);
  const auto route = pools.route(request(500));
  ASSERT_EQ(route.moves, 1u);
  EXPECT_EQ(route.moved[0], route.prompt_machine);
  EXPECT_NE(route.prompt_machine, 0u);
  EXPECT_TRUE(pools.is_drawn_in(route.prompt_machine));
  EXPECT_EQ(pools.route(request(500)).prompt_machine, route.prompt_machine) << "from the mixed pool now";
}

TEST(Pools, DrawInAPromptMachineWhereNoTokenMachineHasMemory) {
  Pools pools(Routing::kMixedPool, {machine(Place::kPrompt), machine(Place::kPrompt), machine(Place::kToken, 100)});
  const auto route = pools.route(request(100, 10));
  EXPECT_EQ(route.moves, 1u);
  EXPECT_EQ(route.prompt_machine, route.token_machine) << "the first prompt machine has the least reserved";
}

TEST(Pools, ServeBothPhasesWhereNothingIsLeftToDrawIn) {
  Pools pools(Routing::kMixedPool, {machine(Place::kPrompt, 100), machine(Place::kToken, 100)});
  pools.route(request(200));
  const auto route = pools.route(request(200));
  EXPECT_EQ(route.prompt_machine, route.token_machine);
}

TEST(Pools, SendAFreeMachineToTheEndOfItsOwnPool) {
  Pools pools(Routing::kMixedPool, {machine(Place::kPrompt), machine(Place::kToken), machine(Place::kToken)});
  pools.route(request(9000, 1));
  pools.report(0, 0, 0, true);
  const auto drawn = pools.route(request(100, 1)).prompt_machine;
  ASSERT_EQ(drawn, 1u);
  pools.report(drawn, 101, 101, false);
  EXPECT_TRUE(pools.became_free(drawn));
  EXPECT_FALSE(pools.is_drawn_in(drawn));
  EXPECT_FALSE(pools.became_free(drawn)) << "it is home";
  EXPECT_EQ(pools.route(request(100, 10)).token_machine, 2u) << "all else being equal, who stood there first";
}

}  // namespace
}  // namespace troupe::splitwise_sim
