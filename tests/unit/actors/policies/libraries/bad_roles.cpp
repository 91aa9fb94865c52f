// Fails in a way of its own for each number of machines: 1 throws, 2 names a role that there is not and a machine that
// there is not, 3 says nonsense without end.
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe;
using namespace troupe::policies;

class Bad final : public RolePolicy {
 public:
  std::vector<RoleChange> decide(const RoleSnapshot& snapshot) override {
    const auto& machines = snapshot.machines;
    if (machines.size() == 1) throw std::runtime_error("no idea");
    if (machines.size() == 2)
      return {{machines[0].id, static_cast<Role>(200), "a role"}, {MachineId{77}, Role::kPrompt, "a machine"}};
    std::vector<RoleChange> changes = {{machines[0].id, Role::kToken, std::string(100'000, '\xff')},
                                       {machines[0].id, Role::kMixed, "again"}};
    changes.resize(100'000, {machines[1].id, Role::kToken, ""});
    return changes;
  }
};

}  // namespace

TROUPE_POLICY("bad_roles", Bad)
