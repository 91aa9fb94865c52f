#include "actors/messages/block_life_cycle.hpp"

#include <map>
#include <utility>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using S = BlockState;
using E = BlockEvent;

TEST(BlockLifeCycle, every_state_answers_every_event_as_designed) {
  const std::map<std::pair<S, E>, S> legal = {
      {{S::kFree, E::kReserve}, S::kReserved},           {{S::kReserved, E::kAdvertise}, S::kAdvertised},
      {{S::kReserved, E::kCommit}, S::kCommitted},       {{S::kReserved, E::kRelease}, S::kFree},
      {{S::kAdvertised, E::kWriteBegins}, S::kInFlight}, {{S::kAdvertised, E::kWriterGone}, S::kReserved},
      {{S::kAdvertised, E::kRelease}, S::kQuarantined},  {{S::kInFlight, E::kCommit}, S::kCommitted},
      {{S::kInFlight, E::kWriterGone}, S::kReserved},    {{S::kInFlight, E::kRelease}, S::kQuarantined},
      {{S::kCommitted, E::kRelease}, S::kFree},          {{S::kQuarantined, E::kCommit}, S::kFree},
      {{S::kQuarantined, E::kWriterGone}, S::kFree},
  };
  for (int state = 0; state < kBlockStates; ++state) {
    for (int event = 0; event <= static_cast<int>(E::kRelease); ++event) {
      const auto key = std::pair{static_cast<S>(state), static_cast<E>(event)};
      const auto expected = legal.find(key);
      const auto next = next_state(key.first, key.second);
      EXPECT_EQ(next.has_value(), expected != legal.end()) << to_string(key.first) << " " << to_string(key.second);
      if (next && expected != legal.end()) {
        EXPECT_EQ(*next, expected->second) << to_string(key.first) << " " << to_string(key.second);
      }
    }
  }
}

TEST(BlockLifeCycle, a_block_that_a_peer_may_write_is_never_freed_by_its_release) {
  for (const S state : {S::kAdvertised, S::kInFlight}) EXPECT_EQ(next_state(state, E::kRelease), S::kQuarantined);
}

}  // namespace
}  // namespace troupe
