// Fails in a way of its own for each number of requests: 1 throws, 2 chooses one that is not there, 3 refuses whom it
// also chooses, twice, and others without end, in words that are none.
#include <stdexcept>

#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class Bad final : public AdmissionPolicy {
 public:
  Admission decide(const AdmissionSnapshot& snapshot) override {
    const auto& waiting = snapshot.waiting;
    if (waiting.size() == 1) throw std::runtime_error("no idea");
    if (waiting.size() == 2) return {77, {{waiting[0].number, ""}}};
    Admission admission{waiting[0].number, {}};
    admission.refused = {{waiting[0].number, std::string(100'000, '\xff')}, {waiting[0].number, "again"}};
    admission.refused.resize(100'000, {waiting[1].number, "as well"});
    return admission;
  }
};

}  // namespace

TROUPE_POLICY("bad_admission", Bad)
