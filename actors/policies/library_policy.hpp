// Routing policies from shared libraries, built outside this tree against an installed Troupe; docs/policies.md shows
// how.
//
// A library exports one C function, troupe_policy_v1, which TROUPE_POLICY writes. What it returns begins with a version
// and a fingerprint of the types that pass between the two, so that a library that was built against other headers is
// refused before anything of it is called. Owns: nothing; a loaded library stays loaded until the process ends, as
// decisions may hold what is its. Promises: a library that throws, or chooses a machine that is not there, costs a
// decision and not the node: `jsq_tokens` decides then, and the reason says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

/// Counts up when the meaning of what passes changes and its sizes may not.
inline constexpr std::uint32_t kPolicyInterfaceVersion = 1;

/// What the compiler made of the types that a policy is given and gives back: their sizes, and its own ABI.
constexpr std::uint64_t policy_types_fingerprint() {
  std::uint64_t print = 0xcbf29ce484222325ULL;  // FNV-1a, word by word
  for (const std::uint64_t word : {std::uint64_t{sizeof(MachineView)}, std::uint64_t{sizeof(LinkView)},
                                   std::uint64_t{sizeof(RoutingSnapshot)}, std::uint64_t{sizeof(Candidate)},
                                   std::uint64_t{sizeof(RoutingDecision)}, std::uint64_t{sizeof(RoutingSettings)},
                                   std::uint64_t{__GXX_ABI_VERSION}, std::uint64_t{_GLIBCXX_USE_CXX11_ABI}})
    print = (print ^ word) * 0x100000001b3ULL;
  return print;
}

/// What troupe_policy_v1 returns; it lives as long as the library. The first two members are the same in every version.
struct PolicyLibraryV1 {
  std::uint32_t version = 0;      ///< kPolicyInterfaceVersion of the headers
  std::uint64_t fingerprint = 0;  ///< policy_types_fingerprint() there
  const char* name = nullptr;     ///< 1 to 64 of a-z, 0-9 and _
  RoutingPolicy* (*make)(const RoutingSettings& settings) = nullptr;
  void (*destroy)(RoutingPolicy* policy) = nullptr;
};

/// The policy of the library at `path`, which has a slash. kMissingInput where there is no such file, kConfig where it
/// is not a policy library, or one for another Troupe, with what to do.
Result<std::unique_ptr<RoutingPolicy>> load_routing_policy(const std::string& path,
                                                           const RoutingSettings& settings = {});

}  // namespace troupe::policies

/// TROUPE_POLICY("my_policy", MyPolicy): once in a library, outside any namespace. MyPolicy is a RoutingPolicy that is
/// constructed from RoutingSettings, or from nothing.
#define TROUPE_POLICY(NAME, CLASS)                                                                                  \
  extern "C" __attribute__((visibility("default"))) const ::troupe::policies::PolicyLibraryV1* troupe_policy_v1() { \
    using Settings = ::troupe::policies::RoutingSettings;                                                           \
    static const ::troupe::policies::PolicyLibraryV1 library{                                                       \
        ::troupe::policies::kPolicyInterfaceVersion, ::troupe::policies::policy_types_fingerprint(), NAME,          \
        [](const Settings& settings) { return ::troupe::policies::new_policy<CLASS>(settings); },                   \
        [](::troupe::policies::RoutingPolicy* policy) { delete policy; }};                                          \
    return &library;                                                                                                \
  }

namespace troupe::policies {

/// For TROUPE_POLICY.
template <class Policy>
RoutingPolicy* new_policy(const RoutingSettings& settings) {
  if constexpr (std::is_constructible_v<Policy, const RoutingSettings&>) {
    return new Policy(settings);
  } else {
    (void)settings;
    return new Policy();
  }
}

}  // namespace troupe::policies
