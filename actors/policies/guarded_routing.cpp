// Routing policies of libraries: `jsq_tokens` stands in, and the reason says so.
#include <algorithm>
#include <cmath>

#include "actors/policies/jsq_tokens.hpp"
#include "actors/policies/library_guards.hpp"

namespace troupe::policies {
namespace {

bool there(const RoutingSnapshot& snapshot, MachineId id) {
  return std::any_of(snapshot.machines.begin(), snapshot.machines.end(),
                     [&](const MachineView& machine) { return machine.id == id; });
}

/// What people are shown of candidates: machines that there are, with scores that are numbers.
void keep_shown(std::vector<Candidate>& candidates, const RoutingSnapshot& snapshot) {
  const auto odd = [&](const Candidate& each) { return !std::isfinite(each.score) || !there(snapshot, each.machine); };
  candidates.resize(std::min(candidates.size(), snapshot.machines.size()));
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), odd), candidates.end());
}

class GuardedRouting final : public Guard<RoutingPolicy> {
 public:
  using Guard::Guard;

  RoutingDecision decide(const RoutingSnapshot& snapshot) override {
    auto answer = answer_of([&](RoutingPolicy& policy) { return policy.decide(snapshot); });
    if (!answer.ok()) return instead(snapshot, answer.error().message);
    RoutingDecision decision = *std::move(answer);
    for (const MachineId chosen : {decision.prompt_machine, decision.token_machine}) {
      if (there(snapshot, chosen)) continue;
      const std::string what = "it chose machine " + std::to_string(chosen.value) + ", which it was not shown";
      failed(what);
      return instead(snapshot, what);
    }
    keep_shown(decision.prompt_candidates, snapshot);
    keep_shown(decision.token_candidates, snapshot);
    decision.policy = name();
    decision.reason = bounded_text(std::string_view(decision.reason));
    return decision;
  }

 private:
  RoutingDecision instead(const RoutingSnapshot& snapshot, const std::string& what) {
    auto decision = fallback_.decide(snapshot);
    decision.policy = name();
    decision.reason = "the library failed, " + what + "; by jsq_tokens: " + decision.reason;
    return decision;
  }

  JsqTokens fallback_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> guarded(FromLibrary<RoutingPolicy> from) {
  return std::make_unique<GuardedRouting>(std::move(from));
}

}  // namespace troupe::policies
