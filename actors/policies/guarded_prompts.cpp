// Policies of prompt batches of libraries: `fcfs` stands in.
#include <algorithm>
#include <unordered_map>

#include "actors/policies/fcfs_prompts.hpp"
#include "actors/policies/library_guards.hpp"

namespace troupe::policies {
namespace {

class GuardedPrompts final : public Guard<PromptBatchPolicy> {
 public:
  using Guard::Guard;

  std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) override {
    auto answer = answer_of([&](PromptBatchPolicy& policy) { return policy.decide(snapshot); });
    if (!answer.ok()) return fallback_.decide(snapshot);
    auto shares = queued(*answer, snapshot);
    if (!shares.empty() || answer->empty()) return shares;  // none at all: the first in the queue runs
    failed("it named no prompt that is queued, with a token or more for it");
    return fallback_.decide(snapshot);
  }

 private:
  /// Each prompt once, with no more tokens than it has left.
  static std::vector<PromptShare> queued(std::vector<PromptShare>& shares, const PromptBatchSnapshot& snapshot) {
    std::unordered_map<std::uint64_t, std::int32_t> left;
    for (const auto& prompt : snapshot.queue) left[prompt.number] = prompt.total - prompt.done;
    shares.resize(std::min(shares.size(), snapshot.queue.size()));
    std::vector<PromptShare> kept;
    for (const auto& share : shares) {
      const auto found = left.find(share.number);
      if (share.tokens < 1 || found == left.end()) continue;
      kept.push_back({share.number, std::min(share.tokens, found->second)});
      left.erase(found);
    }
    return kept;
  }

  FcfsPrompts fallback_;
};

}  // namespace

std::unique_ptr<PromptBatchPolicy> guarded(FromLibrary<PromptBatchPolicy> from) {
  return std::make_unique<GuardedPrompts>(std::move(from));
}

}  // namespace troupe::policies
