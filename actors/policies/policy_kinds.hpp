// The decisions that are policies: for each kind its interface, what its policies are told, which configuration key
// names one, and the types that pass between a policy and Troupe.
#pragma once

#include <cstdint>

#include "actors/policies/admission_policy.hpp"
#include "actors/policies/prompt_batch_policy.hpp"
#include "actors/policies/role_policy.hpp"
#include "actors/policies/routing_policy.hpp"
#include "actors/policies/token_batch_policy.hpp"

namespace troupe::policies {

/// A library says its kind by this number.
enum class PolicyKind : std::uint32_t { kRouting = 1, kPromptBatch = 2, kTokenBatch = 3, kAdmission = 4, kRole = 5 };

/// For policies that are told nothing.
struct NoSettings {};

template <class... Each>
struct Types {};

/// All kinds, by their interfaces.
using PolicyInterfaces = Types<RoutingPolicy, PromptBatchPolicy, TokenBatchPolicy, AdmissionPolicy, RolePolicy>;

/// A kind by its interface: KindOf<RoutingPolicy>. `kWhat` is what people call it, `kKey` the key of the configuration
/// that takes its name; `Passed` are the types whose layout a library and Troupe have to share.
template <class Interface>
struct KindOf;

template <>
struct KindOf<RoutingPolicy> {
  static constexpr PolicyKind kKind = PolicyKind::kRouting;
  static constexpr const char* kWhat = "routing policy";
  static constexpr const char* kKey = "scheduling.policy";
  using Settings = RoutingSettings;
  using Passed = Types<MachineView, LinkView, RoutingSnapshot, Candidate, RoutingDecision, RoutingSettings>;
};

template <>
struct KindOf<PromptBatchPolicy> {
  static constexpr PolicyKind kKind = PolicyKind::kPromptBatch;
  static constexpr const char* kWhat = "policy of prompt batches";
  static constexpr const char* kKey = "scheduling.prompt_batching";
  using Settings = NoSettings;
  using Passed = Types<QueuedPrompt, PromptBatchSnapshot, PromptShare>;
};

template <>
struct KindOf<TokenBatchPolicy> {
  static constexpr PolicyKind kKind = PolicyKind::kTokenBatch;
  static constexpr const char* kWhat = "policy of token batches";
  static constexpr const char* kKey = "scheduling.token_batching";
  using Settings = NoSettings;
  using Passed = Types<DecodingSequence, TokenBatchSnapshot>;
};

template <>
struct KindOf<AdmissionPolicy> {
  static constexpr PolicyKind kKind = PolicyKind::kAdmission;
  static constexpr const char* kWhat = "admission policy";
  static constexpr const char* kKey = "scheduling.admission";
  using Settings = AdmissionSettings;
  using Passed = Types<WaitingRequest, AdmissionSnapshot, Admission, Admission::Refusal, AdmissionSettings>;
};

template <>
struct KindOf<RolePolicy> {
  static constexpr PolicyKind kKind = PolicyKind::kRole;
  static constexpr const char* kWhat = "role policy";
  static constexpr const char* kKey = "roles.policy";
  using Settings = RoleSettings;
  using Passed = Types<RoleView, RoleSnapshot, RoleChange, RoleSettings>;
};

template <class... Each>
constexpr std::uint64_t fingerprint_of(Types<Each...>) {
  std::uint64_t print = 0xcbf29ce484222325ULL;  // FNV-1a, word by word
  for (const std::uint64_t word : {std::uint64_t{sizeof(Each)}..., std::uint64_t{alignof(Each)}...,
                                   std::uint64_t{__GXX_ABI_VERSION}, std::uint64_t{_GLIBCXX_USE_CXX11_ABI}})
    print = (print ^ word) * 0x100000001b3ULL;
  return print;
}

/// What the compiler made of the types that a policy of the kind is given and gives back: their sizes, and its own ABI.
template <class Interface>
constexpr std::uint64_t policy_types_fingerprint() {
  return fingerprint_of(typename KindOf<Interface>::Passed{});
}

}  // namespace troupe::policies
