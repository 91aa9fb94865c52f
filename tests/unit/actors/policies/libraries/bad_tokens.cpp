// Fails in a way of its own for each number of sequences: 1 throws, 2 names nobody who is there, 3 names one twice and
// others that are not there.
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Bad final : public TokenBatchPolicy {
 public:
  std::vector<std::uint64_t> choose_batch(const TokenBatchSnapshot& snapshot) override {
    if (snapshot.sequences.size() == 1) throw std::runtime_error("no idea");
    if (snapshot.sequences.size() == 2) return {77, 78};
    return {77, snapshot.sequences[1].number, snapshot.sequences[1].number, snapshot.sequences[0].number};
  }
  std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) override {
    if (snapshot.sequences.size() == 1) throw 7;
    return 77;
  }
};

}  // namespace

TROUPE_POLICY("bad_tokens", Bad)
