// Fails in a way of its own for each number of machines: 1 throws, 2 throws no exception, 3 chooses a machine that is
// not there, 4 says nonsense.
#include <cmath>
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe;
using namespace troupe::policies;

class Bad final : public RoutingPolicy {
 public:
  RoutingDecision decide(const RoutingSnapshot& snapshot) override {
    if (snapshot.machines.size() == 1) throw std::runtime_error("no idea");
    if (snapshot.machines.size() == 2) throw 7;
    RoutingDecision decision;
    decision.prompt_machine = snapshot.machines.front().id;
    decision.token_machine = snapshot.machines.size() == 3 ? MachineId{77} : decision.prompt_machine;
    decision.prompt_candidates = {{MachineId{77}, 1}, {snapshot.machines.front().id, std::nan("")}};
    decision.reason.assign(100'000, '\xff');
    decision.policy = "splitwise";
    return decision;
  }
};

}  // namespace

TROUPE_POLICY("bad", Bad)
