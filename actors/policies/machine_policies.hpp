// The policies by which one machine plans its work, as its configuration names them.
#pragma once

#include <memory>
#include <string>

#include "actors/policies/admission_policy.hpp"
#include "actors/policies/prompt_batch_policy.hpp"
#include "actors/policies/token_batch_policy.hpp"

namespace troupe::policies {

/// Shared with the actor that hosts them, and with nobody else: each machine has its own. Where one is null, the prompt
/// or token actor follows the rule that is the first of the kind's names, without asking.
struct MachinePolicies {
  std::shared_ptr<PromptBatchPolicy> prompts;
  std::shared_ptr<TokenBatchPolicy> tokens;
  std::shared_ptr<AdmissionPolicy> admission;

  bool any() const { return prompts || tokens || admission; }
};

struct MachinePolicyNames {
  std::string prompts;
  std::string tokens;
  std::string admission;
};

/// kConfig where a name is none of its kind; a library's errors where one has a slash.
Result<MachinePolicies> make_machine_policies(const MachinePolicyNames& names, const AdmissionSettings& settings);

}  // namespace troupe::policies
