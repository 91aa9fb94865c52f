// Clients that ask at random moments, some of which think better of it.
#pragma once

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/actors/supervisor/serving_fixture.hpp"

namespace troupe {

struct UnrulyClients {
  int requests = 40;
  std::uint64_t longest_prompt = 100;  ///< tokens; outputs have up to 60
  std::uint64_t one_in_cancelled = 3;
};

/// Plays them to the end. Whoever was not cancelled must have the right answer, the others its beginning; all blocks
/// must be free again.
inline void expect_served(Serving& serving, RandomStream& random, const UnrulyClients& clients) {
  std::vector<Submitted> requests;
  std::vector<bool> cancelled;
  for (int i = 0; i < clients.requests; ++i) {
    const auto length = 1 + static_cast<std::int32_t>(random.below(clients.longest_prompt));
    requests.push_back(serving.submit(
        Serving::spec(Serving::prompt(length, random.next()), 1 + static_cast<std::int32_t>(random.below(60)))));
    cancelled.push_back(random.below(clients.one_in_cancelled) == 0);
    std::uint64_t messages = random.below(200);
    serving.system.run([&] { return messages-- == 0; });
    const auto victim = static_cast<std::size_t>(random.below(requests.size()));
    if (cancelled[victim]) caf::anon_send(requests[victim].actor, CancelCompletion{requests[victim].spec->id});
  }
  serving.system.run();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& answer = *requests[i].answer;
    ASSERT_EQ(answer.ends.size(), 1u) << "request " << i;
    EXPECT_TRUE(answer.contiguous);
    auto expected = Serving::expected(*requests[i].spec);
    if (answer.ends[0].reason == FinishReason::kCancelled) {
      EXPECT_TRUE(cancelled[i]);
      ASSERT_LE(answer.tokens.size(), expected.size());
      expected.resize(answer.tokens.size());
    } else {
      EXPECT_EQ(answer.ends[0].reason, FinishReason::kLength);
    }
    EXPECT_THAT(answer.tokens, testing::ElementsAreArray(expected));
  }
  serving.expect_all_blocks_free();
}

}  // namespace troupe
