#include "actors/policies/library_loader.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>

namespace troupe::policies {
namespace {

constexpr std::size_t kMostNameBytes = 64;
constexpr const char* kEntry = "troupe_policy";
constexpr const char* kEntryOfVersion1 = "troupe_policy_v1";
constexpr const char* kBuildAgain = "Build it again against this installation (find_package(Troupe))";

struct KindWords {
  PolicyKind kind;
  const char* what;
  const char* key;
};

template <class... Interfaces>
constexpr auto words_of_all(Types<Interfaces...>) {
  return std::array{KindWords{KindOf<Interfaces>::kKind, KindOf<Interfaces>::kWhat, KindOf<Interfaces>::kKey}...};
}

constexpr auto kKinds = words_of_all(PolicyInterfaces{});

/// Null for a number that is none of the kinds.
const KindWords* words_of(PolicyKind kind) {
  const auto* const found =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindWords& each) { return each.kind == kind; });
  return found == std::end(kKinds) ? nullptr : found;
}

Error refused(const std::string& path, const std::string& what) {
  return {ErrorCode::kConfig, "The policy library " + path + " cannot be used: " + what};
}

Error of_version(const std::string& path, std::uint32_t version) {
  return refused(path, "it was built for version " + std::to_string(version) +
                           " of the policy interface, and this Troupe has version " +
                           std::to_string(kPolicyInterfaceVersion) + ". " + kBuildAgain + ".");
}

Error of_another_kind(const std::string& path, const KindWords* is, const KindWords& wanted) {
  if (is == nullptr)
    return refused(path,
                   std::string("what ") + kEntry + " describes is of no kind of policy; TROUPE_POLICY writes it.");
  return refused(path, std::string("what it brings is for ") + is->key + " (" + is->what + "), not for " + wanted.key +
                           " (" + wanted.what + "). Name it there.");
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

/// What troupe_policy returns, of which only the first two members are known to be there.
Result<const PolicyLibrary*> described_by(const std::string& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return refused(path, std::string(why != nullptr ? why : "it cannot be loaded") +
                             ". Expected a shared library built with troupe_policy() of find_package(Troupe); see "
                             "docs/policies.md.");
  }
  void* const entry = ::dlsym(library, kEntry);
  if (entry == nullptr && ::dlsym(library, kEntryOfVersion1) != nullptr) return of_version(path, 1);
  if (entry == nullptr)
    return refused(path, std::string("it has no function ") + kEntry +
                             ". Put TROUPE_POLICY(\"name\", Class) into one of its files, outside any namespace.");
  const auto* const described = reinterpret_cast<const PolicyLibrary* (*)()>(entry)();
  if (described == nullptr) return refused(path, std::string(kEntry) + " returned nothing; TROUPE_POLICY writes it.");
  return described;
}

}  // namespace

Result<const PolicyLibrary*> open_policy_library(const std::string& path, const WantedPolicy& wanted) {
  const KindWords& kind = *words_of(wanted.kind);
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) {
    std::string names;
    for (const auto& name : wanted.built_in) names += (names.empty() ? "" : ", ") + name;
    return Error{ErrorCode::kMissingInput, "There is no policy library " + path + "; " + kind.key +
                                               " takes the path of one, or one of " + names + "."};
  }
  TRY(described, described_by(path));
  if (described->version != kPolicyInterfaceVersion) return of_version(path, described->version);
  if (described->kind != wanted.kind) return of_another_kind(path, words_of(described->kind), kind);
  if (described->fingerprint != wanted.fingerprint)
    return refused(path, std::string("it was built against other headers, or with another compiler's ABI. ") +
                             kBuildAgain + ", with the compiler that built Troupe.");
  if (!is_name(described->name) || described->make == nullptr || described->destroy == nullptr)
    return refused(path, std::string("what ") + kEntry +
                             " describes lacks a name of 1 to 64 of a-z, 0-9 and _, or its functions; TROUPE_POLICY "
                             "writes them.");
  if (std::find(wanted.built_in.begin(), wanted.built_in.end(), described->name) != wanted.built_in.end())
    return refused(path, std::string("its policy is called ") + described->name +
                             " like a built-in one. Give it a name of its own in TROUPE_POLICY.");
  return described;
}

Result<void*> make_library_policy(const std::string& path, const PolicyLibrary& library, const void* settings) {
  void* made = nullptr;
  try {
    made = library.make(settings);
  } catch (const std::exception& thrown) {
    return refused(path, "making its policy threw: " + bounded_text(thrown.what()));
  } catch (...) {
    return refused(path, "making its policy threw something that is no std::exception.");
  }
  if (made == nullptr) return refused(path, "it made no policy.");
  return made;
}

}  // namespace troupe::policies
