#include "actors/policies/shortest_prompts.hpp"

#include <algorithm>

namespace troupe::policies {
namespace {

/// By how much waiting makes a prompt seem a token shorter. A prompt of 2000 tokens goes before one of 10 that has just
/// come once it has waited for 20 s.
constexpr std::chrono::milliseconds kPerToken{10};

}  // namespace

std::vector<PromptShare> ShortestPrompts::decide(const PromptBatchSnapshot& snapshot) {
  auto queue = snapshot.queue;
  const auto left = [](const QueuedPrompt& prompt) { return prompt.total - prompt.done; };
  const auto urgency = [&](const QueuedPrompt& prompt) { return left(prompt) - prompt.waited / kPerToken; };
  // Equals stay in the order of arrival.
  std::stable_sort(queue.begin(), queue.end(),
                   [&](const QueuedPrompt& a, const QueuedPrompt& b) { return urgency(a) < urgency(b); });
  std::vector<PromptShare> shares;
  std::int32_t budget = snapshot.budget;
  for (const auto& prompt : queue) {
    if (budget == 0) break;
    // A prompt that fits a step whole is not cut; one that does not takes what is left.
    if (left(prompt) > budget && left(prompt) <= snapshot.budget && !shares.empty()) continue;
    shares.push_back({prompt.number, std::min(left(prompt), budget)});
    budget -= shares.back().tokens;
  }
  return shares;
}

}  // namespace troupe::policies
