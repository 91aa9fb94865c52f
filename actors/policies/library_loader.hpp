// Opens policy libraries and makes their policies. Internal to actors/policies.
// Owns: nothing; a loaded library stays loaded until the process ends, as decisions may hold what is its. Promises:
// what is refused is refused with what to do, before anything but the library's own start and troupe_policy was called.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/policies/library_guards.hpp"
#include "actors/policies/library_policy.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// What a library has to be.
struct WantedPolicy {
  PolicyKind kind;
  std::uint64_t fingerprint;
  const std::vector<std::string>& built_in;  ///< names that are taken
};

/// What the library at `path` says of itself. kMissingInput where there is no such file, kConfig where it is not a
/// policy library, one for another Troupe, or one of another kind.
Result<const PolicyLibrary*> open_policy_library(const std::string& path, const WantedPolicy& wanted);

/// A policy of the library, as `library.make` gives it; never null. kConfig where it throws or makes none.
Result<void*> make_library_policy(const std::string& path, const PolicyLibrary& library, const void* settings);

/// The policy of the library at `path`, behind its kind's guard. Errors as above.
template <class Interface>
Result<std::unique_ptr<Interface>> load_policy(const std::string& path,
                                               const typename KindOf<Interface>::Settings& settings,
                                               const std::vector<std::string>& built_in) {
  TRY(library, open_policy_library(path, {KindOf<Interface>::kKind, policy_types_fingerprint<Interface>(), built_in}));
  TRY(made, make_library_policy(path, *library, &settings));
  return guarded(FromLibrary<Interface>{library->name, {static_cast<Interface*>(made), library->destroy}});
}

}  // namespace troupe::policies
