// What a machine's prompt and token actors ask the policies by which they plan.
#pragma once

#include <cstdint>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/policies/admission_policy.hpp"
#include "actors/policies/prompt_batch_policy.hpp"
#include "actors/policies/token_batch_policy.hpp"

namespace troupe {

struct PlanPrompts;
struct PromptsPlanned;
struct PlanTokens;
struct TokensPlanned;
struct ChooseVictim;
struct VictimChosen;
struct PlanAdmission;
struct AdmissionPlanned;

/// Wraps one machine's policies: snapshot in, decision out, one for each question.
using BatchPolicyActor = caf::typed_actor<
    caf::replies_to<PlanPrompts>::with<PromptsPlanned>, caf::replies_to<PlanTokens>::with<TokensPlanned>,
    caf::replies_to<ChooseVictim>::with<VictimChosen>, caf::replies_to<PlanAdmission>::with<AdmissionPlanned>>;

/// Question: which prompts run next?
struct PlanPrompts {
  policies::PromptBatchSnapshot snapshot;
};
struct PromptsPlanned {
  std::vector<policies::PromptShare> shares;
};

/// Question: which sequences make a token next?
struct PlanTokens {
  policies::TokenBatchSnapshot snapshot;
};
struct TokensPlanned {
  std::vector<std::uint64_t> run;
};

/// Question: which sequence loses its blocks?
struct ChooseVictim {
  policies::TokenBatchSnapshot snapshot;
};
struct VictimChosen {
  std::uint64_t number = 0;
};

/// Question: which request gets blocks next, and which are refused?
struct PlanAdmission {
  policies::AdmissionSnapshot snapshot;
};
struct AdmissionPlanned {
  policies::Admission admission;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PlanPrompts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PromptsPlanned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PlanTokens)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TokensPlanned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ChooseVictim)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::VictimChosen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PlanAdmission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AdmissionPlanned)
