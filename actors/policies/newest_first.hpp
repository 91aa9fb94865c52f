// All run, and the newest loses its blocks: the rule that a token actor follows by itself, as a policy. The oldest
// always goes on.
#pragma once

#include "actors/policies/token_batch_policy.hpp"

namespace troupe::policies {

class NewestFirst final : public TokenBatchPolicy {
 public:
  std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) override { return snapshot.sequences.back().number; }
};

}  // namespace troupe::policies
