// Takes the machine with the highest id, for both phases; its settings are passed on in the reason.
#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Highest final : public RoutingPolicy {
 public:
  explicit Highest(const RoutingSettings& settings) : seed_(settings.seed) {}
  RoutingDecision decide(const RoutingSnapshot& snapshot) override {
    RoutingDecision decision;
    decision.prompt_machine = decision.token_machine = snapshot.machines.back().id;
    for (const auto& machine : snapshot.machines) decision.prompt_candidates.push_back({machine.id, 0.5});
    decision.token_candidates = decision.prompt_candidates;
    decision.reason = "the highest id, seed " + std::to_string(seed_);
    return decision;
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

TROUPE_POLICY("highest", Highest)
