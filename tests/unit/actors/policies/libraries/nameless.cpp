// Describes itself by a text that is no name.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibrary* troupe_policy() {
  static const PolicyLibrary library{kPolicyInterfaceVersion,
                                     policy_types_fingerprint<RoutingPolicy>(),
                                     PolicyKind::kRouting,
                                     "No Name",
                                     [](const void*) -> void* { return nullptr; },
                                     [](void*) noexcept {}};
  return &library;
}
