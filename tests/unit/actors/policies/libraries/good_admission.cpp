// The request with the fewest tokens is next; who has waited for longer than a first token may take is refused.
#include <algorithm>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Shortest final : public AdmissionPolicy {
 public:
  explicit Shortest(const AdmissionSettings& settings) : longest_(settings.slo.ttft) {}
  Admission decide(const AdmissionSnapshot& snapshot) override {
    Admission admission;
    const WaitingRequest* next = nullptr;
    for (const auto& each : snapshot.waiting) {
      if (each.waited > longest_)
        admission.refused.push_back({each.number, "too late"});
      else if (next == nullptr || each.tokens < next->tokens)
        next = &each;
    }
    if (next != nullptr) admission.next = next->number;
    return admission;
  }

 private:
  std::chrono::nanoseconds longest_;
};

}  // namespace

TROUPE_POLICY("shortest", Shortest)
