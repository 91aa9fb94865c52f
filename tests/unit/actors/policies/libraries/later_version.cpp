// Was built for a later version of the interface.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibrary* troupe_policy() {
  static const PolicyLibrary library{kPolicyInterfaceVersion + 1,
                                     policy_types_fingerprint<RoutingPolicy>(),
                                     PolicyKind::kRouting,
                                     "later",
                                     [](const void*) -> void* { return nullptr; },
                                     [](void*) noexcept {}};
  return &library;
}
