// First come first served, nobody refused: the rule that a token actor follows by itself, as a policy.
#pragma once

#include "actors/policies/admission_policy.hpp"

namespace troupe::policies {

class FcfsAdmission final : public AdmissionPolicy {
 public:
  Admission decide(const AdmissionSnapshot& snapshot) override { return {snapshot.waiting.front().number, {}}; }
};

}  // namespace troupe::policies
