#include "actors/policies/admission_policy.hpp"

#include "actors/policies/fcfs_admission.hpp"
#include "actors/policies/registry.hpp"
#include "actors/policies/shed_late.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {

Result<std::unique_ptr<AdmissionPolicy>> make_admission_policy(std::string_view name,
                                                               const AdmissionSettings& settings) {
  using Table = Registry<AdmissionPolicy>;
  static const Table table(admission_policy_names(),
                           {{"fcfs", Table::make<FcfsAdmission>}, {"shed_late", Table::make<ShedLate>}});
  return table.make_named(name, settings);
}

}  // namespace troupe::policies
