// Was built against other headers.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibraryV1* troupe_policy_v1() {
  static const PolicyLibraryV1 library{kPolicyInterfaceVersion, policy_types_fingerprint() + 1, "other",
                                       [](const RoutingSettings&) -> RoutingPolicy* { return nullptr; },
                                       [](RoutingPolicy*) {}};
  return &library;
}
