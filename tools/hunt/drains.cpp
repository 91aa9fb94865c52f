#include "tools/hunt/drains.hpp"

#include <algorithm>
#include <string>

namespace troupe::hunt {

void Drains::told(caf::actor_id router, const MachineJoined& joined, std::int64_t at_ns) {
  routers_[router][joined.machine] = {joined.kv_positions(), joined.draining, at_ns};
}

void Drains::told(caf::actor_id router, const MachineLeft& left) { routers_[router].erase(left.machine); }

void Drains::told(caf::actor_id router, const MachineChanged& changed, std::int64_t at_ns) {
  auto& machines = routers_[router];
  const auto known = machines.find(changed.machine);
  if (known == machines.end() || known->second.draining == changed.draining) return;
  known->second.draining = changed.draining;
  known->second.since_ns = at_ns;
}

void Drains::offered(caf::actor_id router, const policies::RoutingSnapshot& snapshot, std::int64_t at_ns) {
  const auto& machines = routers_[router];
  const std::int64_t wanted = std::int64_t{snapshot.prompt_tokens} + snapshot.max_tokens - 1;
  const bool others = std::any_of(machines.begin(), machines.end(), [&](const auto& each) {
    const Known& known = each.second;
    return !known.draining && known.since_ns < at_ns && known.positions >= wanted;
  });
  if (!others) return;
  for (const auto& offered : snapshot.machines) {
    const auto known = machines.find(offered.id);
    if (known == machines.end() || !known->second.draining || known->second.since_ns >= at_ns) continue;
    violations_.push_back(
        {"S7",
         "router #" + std::to_string(router) + " offers its policy machine " + std::to_string(offered.id.value) +
             " for request " + std::to_string(snapshot.request.value) + ", and was told " +
             std::to_string((at_ns - known->second.since_ns) / 1'000'000) + " ms before that it drains; others do not",
         snapshot.request});
    return;
  }
}

}  // namespace troupe::hunt
