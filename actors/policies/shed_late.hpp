// First come first served, but a request that has waited for longer than its first token may take (slo.ttft) without
// getting blocks is refused: its objective is lost, and what it would take makes those behind it late as well. Under
// overload some are served in time and the others know soon, instead of all being late.
#pragma once

#include "actors/policies/admission_policy.hpp"

namespace troupe::policies {

class ShedLate final : public AdmissionPolicy {
 public:
  explicit ShedLate(const AdmissionSettings& settings = {}) : settings_(settings) {}
  Admission decide(const AdmissionSnapshot& snapshot) override;

 private:
  AdmissionSettings settings_;
};

}  // namespace troupe::policies
