// First come first served: the rule that a prompt actor follows by itself, as a policy.
#pragma once

#include "actors/policies/prompt_batch_policy.hpp"

namespace troupe::policies {

class FcfsPrompts final : public PromptBatchPolicy {
 public:
  std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) override;
};

}  // namespace troupe::policies
