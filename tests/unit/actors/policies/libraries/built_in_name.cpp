// Is called like a built-in policy.
#include "actors/policies/library_policy.hpp"

using namespace troupe::policies;

extern "C" const PolicyLibraryV1* troupe_policy_v1() {
  static const PolicyLibraryV1 library{kPolicyInterfaceVersion, policy_types_fingerprint(), "splitwise",
                                       [](const RoutingSettings&) -> RoutingPolicy* { return nullptr; },
                                       [](RoutingPolicy*) {}};
  return &library;
}
