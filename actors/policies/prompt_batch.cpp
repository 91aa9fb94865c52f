#include "actors/policies/prompt_batch.hpp"

#include <algorithm>

namespace troupe::policies {

std::vector<std::int32_t> plan_prompt_batch(std::span<const std::int32_t> remaining, std::int32_t budget) {
  std::vector<std::int32_t> shares;
  std::int32_t left = budget;
  for (const std::int32_t wanted : remaining) {
    if (wanted > left && !shares.empty()) break;
    shares.push_back(std::min(wanted, left));
    left -= shares.back();
    if (left == 0) break;
  }
  return shares;
}

}  // namespace troupe::policies
