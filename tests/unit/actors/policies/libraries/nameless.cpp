// Describes itself by a text that is no name.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibraryV1* troupe_policy_v1() {
  static const PolicyLibraryV1 library{kPolicyInterfaceVersion, policy_types_fingerprint(), "No Name",
                                       [](const RoutingSettings&) -> RoutingPolicy* { return nullptr; },
                                       [](RoutingPolicy*) {}};
  return &library;
}
