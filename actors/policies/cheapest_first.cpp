#include "actors/policies/cheapest_first.hpp"

#include <algorithm>
#include <utility>

namespace troupe::policies {

std::uint64_t CheapestFirst::choose_victim(const TokenBatchSnapshot& snapshot) {
  // From the newest on, so that it is the first of equals.
  const auto cheaper = [](const DecodingSequence& a, const DecodingSequence& b) {
    return a.prompt_tokens + a.generated < b.prompt_tokens + b.generated;
  };
  return std::min_element(snapshot.sequences.rbegin(), snapshot.sequences.rend(), cheaper)->number;
}

}  // namespace troupe::policies
