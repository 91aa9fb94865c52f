#include "actors/policies/fcfs_prompts.hpp"

#include "actors/policies/prompt_batch.hpp"

namespace troupe::policies {

std::vector<PromptShare> FcfsPrompts::decide(const PromptBatchSnapshot& snapshot) {
  std::vector<std::int32_t> remaining;
  for (const auto& prompt : snapshot.queue) remaining.push_back(prompt.total - prompt.done);
  const auto tokens = plan_prompt_batch(remaining, snapshot.budget);
  std::vector<PromptShare> shares;
  for (std::size_t i = 0; i < tokens.size(); ++i) shares.push_back({snapshot.queue[i].number, tokens[i]});
  return shares;
}

}  // namespace troupe::policies
