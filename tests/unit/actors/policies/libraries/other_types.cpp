// Was built against other headers.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibrary* troupe_policy() {
  static const PolicyLibrary library{kPolicyInterfaceVersion,
                                     policy_types_fingerprint<RoutingPolicy>() + 1,
                                     PolicyKind::kRouting,
                                     "other",
                                     [](const void*) -> void* { return nullptr; },
                                     [](void*) noexcept {}};
  return &library;
}
