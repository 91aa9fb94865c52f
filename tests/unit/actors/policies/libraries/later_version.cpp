// Was built for a later version of the interface.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibraryV1* troupe_policy_v1() {
  static const PolicyLibraryV1 library{kPolicyInterfaceVersion + 1, policy_types_fingerprint(), "later",
                                       [](const RoutingSettings&) -> RoutingPolicy* { return nullptr; },
                                       [](RoutingPolicy*) {}};
  return &library;
}
