// Is called like a built-in policy.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibrary* troupe_policy() {
  static const PolicyLibrary library{kPolicyInterfaceVersion,
                                     policy_types_fingerprint<RoutingPolicy>(),
                                     PolicyKind::kRouting,
                                     "splitwise",
                                     [](const void*) -> void* { return nullptr; },
                                     [](void*) noexcept {}};
  return &library;
}
