#include "actors/policies/library_policy.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "actors/policies/candidates.hpp"
#include "actors/policies/jsq_tokens.hpp"
#include "runtime/base/policy_names.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::policies {
namespace {

constexpr std::size_t kMostNameBytes = 64;
constexpr std::size_t kMostReasonBytes = 500;
constexpr const char* kEntry = "troupe_policy_v1";

Error refused(const std::string& path, const std::string& what) {
  return {ErrorCode::kConfig, "The policy library " + path + " cannot be used: " + what};
}

bool is_name(const char* name) {
  if (name == nullptr) return false;
  std::size_t length = 0;
  for (; name[length] != 0; ++length) {
    const char c = name[length];
    if (length == kMostNameBytes || !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return length > 0;
}

bool there(const RoutingSnapshot& snapshot, MachineId id) {
  return std::any_of(snapshot.machines.begin(), snapshot.machines.end(),
                     [&](const MachineView& machine) { return machine.id == id; });
}

/// What people are shown of candidates: machines that there are, with scores that are numbers.
void keep_shown(std::vector<Candidate>& candidates, const RoutingSnapshot& snapshot) {
  const auto odd = [&](const Candidate& each) { return !std::isfinite(each.score) || !there(snapshot, each.machine); };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), odd), candidates.end());
  candidates.resize(std::min(candidates.size(), snapshot.machines.size()));
}

/// A library's policy, of which nothing is believed.
class LibraryPolicy final : public RoutingPolicy {
 public:
  LibraryPolicy(const PolicyLibraryV1& library, std::unique_ptr<RoutingPolicy, void (*)(RoutingPolicy*)> policy)
      : name_(library.name), policy_(std::move(policy)) {}

  RoutingDecision decide(const RoutingSnapshot& snapshot) override {
    RoutingDecision decision;
    try {
      decision = policy_->decide(snapshot);
    } catch (const std::exception& thrown) {
      return instead(snapshot, std::string("it threw: ") + thrown.what());
    } catch (...) {
      return instead(snapshot, "it threw something that is no std::exception");
    }
    for (const MachineId chosen : {decision.prompt_machine, decision.token_machine})
      if (!there(snapshot, chosen))
        return instead(snapshot, "it chose machine " + std::to_string(chosen.value) + ", which it was not shown");
    keep_shown(decision.prompt_candidates, snapshot);
    keep_shown(decision.token_candidates, snapshot);
    decision.policy = name_;
    decision.reason = sentence(decision.reason);
    return decision;
  }

 private:
  RoutingDecision instead(const RoutingSnapshot& snapshot, const std::string& what) {
    auto decision = fallback_.decide(snapshot);
    decision.policy = name_;
    decision.reason = sentence("the library failed, " + what) + "; by jsq_tokens: " + decision.reason;
    return decision;
  }

  static std::string sentence(const std::string& text) {
    return replace_invalid_utf8(std::string_view(text).substr(0, kMostReasonBytes));
  }

  std::string name_;
  std::unique_ptr<RoutingPolicy, void (*)(RoutingPolicy*)> policy_;
  JsqTokens fallback_;
};

Result<const PolicyLibraryV1*> open_library(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode))
    return Error{ErrorCode::kMissingInput, "There is no policy library " + path +
                                               "; scheduling.policy takes the path of one, or the name of a built-in "
                                               "policy (troupe serve --help)."};
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return refused(path, std::string(why != nullptr ? why : "it cannot be loaded") +
                             ". Expected a shared library built with troupe_policy() of find_package(Troupe); see "
                             "docs/policies.md.");
  }
  void* const entry = ::dlsym(library, kEntry);
  if (entry == nullptr)
    return refused(path, std::string("it has no function ") + kEntry +
                             ". Put TROUPE_POLICY(\"name\", Class) into one of its files, outside any namespace.");
  const auto* const described = reinterpret_cast<const PolicyLibraryV1* (*)()>(entry)();
  if (described == nullptr) return refused(path, std::string(kEntry) + " returned nothing; TROUPE_POLICY writes it.");
  if (described->version != kPolicyInterfaceVersion)
    return refused(path, "it was built for version " + std::to_string(described->version) +
                             " of the policy interface, and this Troupe has version " +
                             std::to_string(kPolicyInterfaceVersion) +
                             ". Build it again against this installation (find_package(Troupe)).");
  if (described->fingerprint != policy_types_fingerprint())
    return refused(path,
                   "it was built against other headers, or with another compiler's ABI. Build it again against this "
                   "installation (find_package(Troupe)), with the compiler that built Troupe.");
  if (!is_name(described->name) || described->make == nullptr || described->destroy == nullptr)
    return refused(path, "what " + std::string(kEntry) +
                             " describes lacks a name of 1 to 64 of a-z, 0-9 and _, or its functions; TROUPE_POLICY "
                             "writes them.");
  const auto& built_in = routing_policy_names();
  if (std::find(built_in.begin(), built_in.end(), described->name) != built_in.end())
    return refused(path, std::string("its policy is called ") + described->name +
                             " like a built-in one. Give it a name of its own in TROUPE_POLICY.");
  return described;
}

}  // namespace

Result<std::unique_ptr<RoutingPolicy>> load_routing_policy(const std::string& path, const RoutingSettings& settings) {
  TRY(library, open_library(path));
  RoutingPolicy* made = nullptr;
  try {
    made = library->make(settings);
  } catch (const std::exception& thrown) {
    return refused(path, std::string("making its policy threw: ") + thrown.what());
  } catch (...) {
    return refused(path, "making its policy threw something that is no std::exception.");
  }
  if (made == nullptr) return refused(path, "it made no policy.");
  std::unique_ptr<RoutingPolicy, void (*)(RoutingPolicy*)> policy(made, library->destroy);
  return std::unique_ptr<RoutingPolicy>(std::make_unique<LibraryPolicy>(*library, std::move(policy)));
}

}  // namespace troupe::policies
