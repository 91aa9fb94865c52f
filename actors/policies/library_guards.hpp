// Guards around policies of libraries, one for each kind, of which nothing is believed. Internal to actors/policies.
// Owns: the library's policy, and the built-in rule that stands in for it. Promises: what the library throws, and what
// it answers that cannot be meant, costs that decision and not the node; whoever asked gets an answer within the
// snapshot, with texts that are short and UTF-8; the first failure is told (library_failures.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/policies/library_failures.hpp"
#include "actors/policies/policy_kinds.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// What made the policy destroys it.
template <class Interface>
struct FromLibrary {
  std::string name;
  std::unique_ptr<Interface, void (*)(void*)> policy;
};

std::unique_ptr<RoutingPolicy> guarded(FromLibrary<RoutingPolicy> from);
std::unique_ptr<PromptBatchPolicy> guarded(FromLibrary<PromptBatchPolicy> from);
std::unique_ptr<TokenBatchPolicy> guarded(FromLibrary<TokenBatchPolicy> from);
std::unique_ptr<AdmissionPolicy> guarded(FromLibrary<AdmissionPolicy> from);
std::unique_ptr<RolePolicy> guarded(FromLibrary<RolePolicy> from);

/// A library's text as people are shown it: its first 500 bytes, in UTF-8.
std::string bounded_text(std::string_view text);
/// The same of what an exception says, which may be nothing.
std::string bounded_text(const char* text);

/// The numbers by which a snapshot names what it shows; an answer may name each once.
class ShownNumbers {
 public:
  template <class Items>
  explicit ShownNumbers(const Items& items) : most_(items.size()) {
    for (const auto& item : items) left_.insert(item.number);
  }
  /// Whether the number was shown and has not been taken before.
  bool take(std::uint64_t number) { return left_.erase(number) > 0; }
  /// Drops what an answer has beyond one for each that was shown.
  template <class Answer>
  void bound(std::vector<Answer>& answer) const {
    if (answer.size() > most_) answer.erase(answer.begin() + static_cast<std::ptrdiff_t>(most_), answer.end());
  }

 private:
  std::size_t most_;
  std::unordered_set<std::uint64_t> left_;
};

/// What guards have in common.
template <class Interface>
class Guard : public Interface {
 public:
  explicit Guard(FromLibrary<Interface> from) : from_(std::move(from)) {}

 protected:
  const std::string& name() const { return from_.name; }

  /// What `ask(policy)` gives, or an error that says what it threw.
  template <class Ask>
  auto answer_of(Ask ask) -> Result<std::invoke_result_t<Ask, Interface&>> {
    std::string what = "it threw something that is no std::exception";
    try {
      return ask(*from_.policy);
    } catch (const std::exception& thrown) {
      what = "it threw: " + bounded_text(thrown.what());
    } catch (...) {
      // Said already.
    }
    failed(what);
    return Error{ErrorCode::kInternal, what};
  }

  void failed(const std::string& what) {
    if (!std::exchange(told_, true)) library_failed({name(), KindOf<Interface>::kWhat, what});
  }

 private:
  FromLibrary<Interface> from_;
  bool told_ = false;
};

}  // namespace troupe::policies
