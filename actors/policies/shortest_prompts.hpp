// The shortest prompt first, by the tokens that it has yet to run, so that short ones do not wait behind long ones: the
// mean time to the first token is the least that any order gives. Each ten milliseconds of waiting count like a token
// less, so that no prompt waits for ever; the long ones' tail still grows, which is the price.
#pragma once

#include "actors/policies/prompt_batch_policy.hpp"

namespace troupe::policies {

class ShortestPrompts final : public PromptBatchPolicy {
 public:
  std::vector<PromptShare> decide(const PromptBatchSnapshot& snapshot) override;
};

}  // namespace troupe::policies
