#include "actors/policies/machine_policies.hpp"

#include "runtime/base/policy_names.hpp"

namespace troupe::policies {

Result<MachinePolicies> make_machine_policies(const MachinePolicyNames& names, const AdmissionSettings& settings) {
  MachinePolicies policies;
  if (names.prompts != prompt_batch_policy_names().front()) {
    TRY(prompts, make_prompt_batch_policy(names.prompts));
    policies.prompts = std::move(prompts);
  }
  if (names.tokens != token_batch_policy_names().front()) {
    TRY(tokens, make_token_batch_policy(names.tokens));
    policies.tokens = std::move(tokens);
  }
  if (names.admission != admission_policy_names().front()) {
    TRY(admission, make_admission_policy(names.admission, settings));
    policies.admission = std::move(admission);
  }
  return policies;
}

}  // namespace troupe::policies
