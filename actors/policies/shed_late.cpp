#include "actors/policies/shed_late.hpp"

namespace troupe::policies {

Admission ShedLate::decide(const AdmissionSnapshot& snapshot) {
  Admission admission;
  for (const auto& request : snapshot.waiting) {
    if (request.begun || request.waited <= settings_.slo.ttft) {
      if (!admission.next) admission.next = request.number;
    } else {
      admission.refused.push_back(
          {request.number, "It waited for memory for longer than a first token may take (slo.ttft, " +
                               std::to_string(settings_.slo.ttft.count()) + " ms); try again in a few seconds."});
    }
  }
  return admission;
}

}  // namespace troupe::policies
