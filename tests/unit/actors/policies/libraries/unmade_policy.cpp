// Cannot be made.
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

class Unmade final : public troupe::policies::RoutingPolicy {
 public:
  Unmade() { throw std::runtime_error("its table is missing"); }
  troupe::policies::RoutingDecision decide(const troupe::policies::RoutingSnapshot&) override { return {}; }
};

}  // namespace

TROUPE_POLICY("unmade", Unmade)
