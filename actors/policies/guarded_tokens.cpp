// Policies of token batches of libraries: `newest_first` stands in.
#include "actors/policies/library_guards.hpp"
#include "actors/policies/newest_first.hpp"

namespace troupe::policies {
namespace {

class GuardedTokens final : public Guard<TokenBatchPolicy> {
 public:
  using Guard::Guard;

  std::vector<std::uint64_t> choose_batch(const TokenBatchSnapshot& snapshot) override {
    auto answer = answer_of([&](TokenBatchPolicy& policy) { return policy.choose_batch(snapshot); });
    if (!answer.ok()) return fallback_.choose_batch(snapshot);
    ShownNumbers shown(snapshot.sequences);
    shown.bound(*answer);
    std::vector<std::uint64_t> run;
    for (const std::uint64_t number : *answer)
      if (shown.take(number)) run.push_back(number);
    if (!run.empty() || answer->empty()) return run;  // none at all: all run
    failed("it named no sequence that it was shown");
    return fallback_.choose_batch(snapshot);
  }

  std::uint64_t choose_victim(const TokenBatchSnapshot& snapshot) override {
    const auto answer = answer_of([&](TokenBatchPolicy& policy) { return policy.choose_victim(snapshot); });
    if (!answer.ok()) return fallback_.choose_victim(snapshot);
    if (ShownNumbers(snapshot.sequences).take(*answer)) return *answer;
    failed("it chose sequence " + std::to_string(*answer) + " as a victim, which it was not shown");
    return fallback_.choose_victim(snapshot);
  }

 private:
  NewestFirst fallback_;
};

}  // namespace

std::unique_ptr<TokenBatchPolicy> guarded(FromLibrary<TokenBatchPolicy> from) {
  return std::make_unique<GuardedTokens>(std::move(from));
}

}  // namespace troupe::policies
