// Runs the newest sequence alone; the oldest loses its blocks.
#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Upside final : public TokenBatchPolicy {
 public:
  std::vector<std::uint64_t> choose_batch(const TokenBatchSnapshot& snapshot) override {
    return {snapshot.sequences.back().number};
  }
  std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) override { return snapshot.sequences.front().number; }
};

}  // namespace

TROUPE_POLICY("upside", Upside)
