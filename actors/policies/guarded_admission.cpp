// Admission policies of libraries: `fcfs` stands in. Nobody is refused whom the snapshot does not show as one that can
// be.
#include <unordered_set>

#include "actors/policies/fcfs_admission.hpp"
#include "actors/policies/library_guards.hpp"

namespace troupe::policies {
namespace {

class GuardedAdmission final : public Guard<AdmissionPolicy> {
 public:
  using Guard::Guard;

  Admission decide(const AdmissionSnapshot& snapshot) override {
    auto answer = answer_of([&](AdmissionPolicy& policy) { return policy.decide(snapshot); });
    if (!answer.ok()) return fallback_.decide(snapshot);
    ShownNumbers shown(snapshot.waiting);
    Admission admission;
    admission.refused = refused_of(answer->refused, snapshot, shown);
    admission.next = answer->next;
    if (!admission.next || shown.take(*admission.next)) return admission;
    failed("it chose request number " + std::to_string(*admission.next) +
           " as the next, which it was not shown or refuses");
    admission.next.reset();
    for (const auto& request : snapshot.waiting) {
      if (!shown.take(request.number)) continue;  // refused
      admission.next = request.number;
      break;
    }
    return admission;
  }

 private:
  /// Each that may be refused once, with words for its client; taken from those that were shown.
  std::vector<Admission::Refusal> refused_of(std::vector<Admission::Refusal>& answer, const AdmissionSnapshot& snapshot,
                                             ShownNumbers& shown) const {
    std::unordered_set<std::uint64_t> begun;
    for (const auto& request : snapshot.waiting)
      if (request.begun) begun.insert(request.number);
    shown.bound(answer);
    std::vector<Admission::Refusal> refused;
    for (const auto& each : answer) {
      if (begun.contains(each.number) || !shown.take(each.number)) continue;
      const std::string said = bounded_text(std::string_view(each.reason));
      refused.push_back(
          {each.number, said.empty() ? "The admission policy " + name() + " refused it; try again later." : said});
    }
    return refused;
  }

  FcfsAdmission fallback_;
};

}  // namespace

std::unique_ptr<AdmissionPolicy> guarded(FromLibrary<AdmissionPolicy> from) {
  return std::make_unique<GuardedAdmission>(std::move(from));
}

}  // namespace troupe::policies
