// All run, and the sequence with the fewest tokens loses its blocks, as these are the fewest to run again; of equals
// the newest. It frees little at a time, so more of them may have to go. The longest sequence is never taken while
// there is another one, so that some sequence always goes on.
#pragma once

#include "actors/policies/token_batch_policy.hpp"

namespace troupe::policies {

class CheapestFirst final : public TokenBatchPolicy {
 public:
  std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) override;
};

}  // namespace troupe::policies
