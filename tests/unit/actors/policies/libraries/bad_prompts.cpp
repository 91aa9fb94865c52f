// Fails in a way of its own for each number of prompts: 1 throws, 2 names nobody who is there, 3 names prompts twice,
// with tokens that they do not have, and more of them than there are.
#include <limits>
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Bad final : public PromptBatchPolicy {
 public:
  std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) override {
    constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
    const auto& queue = snapshot.queue;
    if (queue.size() == 1) throw std::runtime_error("no idea");
    if (queue.size() == 2) return {{77, 5}, {queue[0].number, -5}};
    std::vector<PromptShare> shares = {{queue[1].number, kMost}, {queue[1].number, 1}, {queue[0].number, 1}};
    shares.resize(100'000, {queue[2].number, 1});
    return shares;
  }
};

}  // namespace

TROUPE_POLICY("bad_prompts", Bad)
