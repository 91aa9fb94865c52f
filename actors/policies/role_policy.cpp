#include "actors/policies/role_policy.hpp"

#include "actors/policies/fixed_roles.hpp"
#include "actors/policies/roles_by_load.hpp"
#include "runtime/base/did_you_mean.hpp"

namespace troupe::policies {

std::vector<std::string> role_policy_names() { return {"fixed", "by_load"}; }

Result<std::unique_ptr<RolePolicy>> make_role_policy(std::string_view name, const RoleSettings& settings) {
  if (name == "fixed") return std::unique_ptr<RolePolicy>(std::make_unique<FixedRoles>());
  if (name == "by_load") return std::unique_ptr<RolePolicy>(std::make_unique<RolesByLoad>(settings));
  std::string known;
  for (const auto& each : role_policy_names()) known += (known.empty() ? "" : ", ") + each;
  return Error{ErrorCode::kConfig, "There is no role policy \"" + std::string(name) + "\"" +
                                       did_you_mean(name, role_policy_names()) + "; there are: " + known + "."};
}

}  // namespace troupe::policies
