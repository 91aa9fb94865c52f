// Machines stay what their operator made them.
#pragma once

#include "actors/policies/role_policy.hpp"

namespace troupe::policies {

class FixedRoles final : public RolePolicy {
 public:
  std::vector<RoleChange> decide(const RoleSnapshot&) override { return {}; }
};

}  // namespace troupe::policies
