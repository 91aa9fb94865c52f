// The newest prompt first, as much of each as is left.
#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class LastFirst final : public PromptBatchPolicy {
 public:
  std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) override {
    std::vector<PromptShare> shares;
    for (auto prompt = snapshot.queue.rbegin(); prompt != snapshot.queue.rend(); ++prompt)
      shares.push_back({prompt->number, prompt->total - prompt->done});
    return shares;
  }
};

}  // namespace

TROUPE_POLICY("last_first", LastFirst)
