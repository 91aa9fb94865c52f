// A policy of any kind in a shared library, built outside this tree against an installed Troupe; docs/policies.md shows
// how. This is what such a library includes; library_loader.hpp is the other side.
//
// A library exports one C function, troupe_policy, which TROUPE_POLICY writes. What it returns begins with a version
// and a fingerprint of the types that pass between the two, so that a library that was built against other headers is
// refused before anything else of it is called. Promises: a class that is a policy of no kind, or of several, does not
// compile, and the compiler says why.
#pragma once

#include <cstdint>
#include <type_traits>

#include "actors/policies/policy_kinds.hpp"

namespace troupe::policies {

/// Counts up when the meaning of what passes changes and its sizes may not. Version 1 had routing policies only, and
/// another name for the function.
inline constexpr std::uint32_t kPolicyInterfaceVersion = 2;

/// What troupe_policy returns; it lives as long as the library. The first two members are the same in every version.
struct PolicyLibrary {
  std::uint32_t version = 0;      ///< kPolicyInterfaceVersion of the headers
  std::uint64_t fingerprint = 0;  ///< policy_types_fingerprint() of the kind there
  PolicyKind kind{};
  const char* name = nullptr;                        ///< 1 to 64 of a-z, 0-9 and _
  void* (*make)(const void* settings) = nullptr;     ///< from the kind's settings a pointer to the kind's interface
  void (*destroy)(void* policy) noexcept = nullptr;  ///< takes what `make` gave
};

template <class Policy, class... Interfaces>
constexpr int count_kinds(Types<Interfaces...>) {
  return (0 + ... + (std::is_convertible_v<Policy*, Interfaces*> ? 1 : 0));
}

/// Of how many kinds the class is.
template <class Policy>
inline constexpr int kKindsOf = count_kinds<Policy>(PolicyInterfaces{});

/// The first of the interfaces that the class has.
template <class Policy, class First, class... Others>
constexpr auto interface_among(Types<First, Others...>) {
  if constexpr (std::is_convertible_v<Policy*, First*>) {
    return std::type_identity<First>{};
  } else {
    return interface_among<Policy>(Types<Others...>{});
  }
}

/// For TROUPE_POLICY.
template <class Policy>
constexpr PolicyLibrary describe_policy(const char* name) {
  static_assert(kKindsOf<Policy> != 0,
                "TROUPE_POLICY: this class is a policy of no kind. Derive it publicly from RoutingPolicy, "
                "PromptBatchPolicy, TokenBatchPolicy, AdmissionPolicy or RolePolicy.");
  static_assert(kKindsOf<Policy> < 2,
                "TROUPE_POLICY: this class is a policy of several kinds. Write one class, and one library, for each.");
  if constexpr (kKindsOf<Policy> == 1) {
    using Interface = typename decltype(interface_among<Policy>(PolicyInterfaces{}))::type;
    using Settings = typename KindOf<Interface>::Settings;
    constexpr bool from_settings = std::is_constructible_v<Policy, const Settings&>;
    static_assert(!std::is_abstract_v<Policy>,
                  "TROUPE_POLICY: this class leaves out a function that its kind of policy has to have.");
    static_assert(std::is_abstract_v<Policy> || from_settings || std::is_default_constructible_v<Policy>,
                  "TROUPE_POLICY: this class can be constructed neither from its kind's settings nor from nothing.");
    const auto make = [](const void* settings) -> void* {
      Interface* policy = nullptr;
      if constexpr (from_settings) {
        policy = new Policy(*static_cast<const Settings*>(settings));
      } else {
        (void)settings;
        policy = new Policy();
      }
      return policy;
    };
    const auto destroy = [](void* policy) noexcept { delete static_cast<Interface*>(policy); };
    return {
        kPolicyInterfaceVersion, policy_types_fingerprint<Interface>(), KindOf<Interface>::kKind, name, make, destroy};
  }
  return {};
}

}  // namespace troupe::policies

/// TROUPE_POLICY("my_policy", MyPolicy): once in a library, outside any namespace. MyPolicy is derived from the
/// interface of one kind, and is constructed from that kind's settings (RoutingSettings, AdmissionSettings,
/// RoleSettings), or from nothing.
#define TROUPE_POLICY(NAME, CLASS)                                                                             \
  extern "C" __attribute__((visibility("default"))) const ::troupe::policies::PolicyLibrary* troupe_policy() { \
    static constexpr auto library = ::troupe::policies::describe_policy<CLASS>(NAME);                          \
    return &library;                                                                                           \
  }
