#include "actors/policies/role_policy.hpp"

#include "actors/policies/fixed_roles.hpp"
#include "actors/policies/registry.hpp"
#include "actors/policies/roles_by_load.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {

Result<std::unique_ptr<RolePolicy>> make_role_policy(std::string_view name, const RoleSettings& settings) {
  using Table = Registry<RolePolicy>;
  static const Table table(role_policy_names(),
                           {{"fixed", Table::make<FixedRoles>}, {"by_load", Table::make<RolesByLoad>}});
  return table.make_named(name, settings);
}

}  // namespace troupe::policies
