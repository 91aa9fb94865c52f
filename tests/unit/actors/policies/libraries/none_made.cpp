// Makes nothing.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibrary* troupe_policy() {
  static const PolicyLibrary library{kPolicyInterfaceVersion,
                                     policy_types_fingerprint<RoutingPolicy>(),
                                     PolicyKind::kRouting,
                                     "none",
                                     [](const void*) -> void* { return nullptr; },
                                     [](void*) noexcept {}};
  return &library;
}
