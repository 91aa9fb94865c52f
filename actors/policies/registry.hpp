// Policies of one kind by their names, or by the paths of their libraries. Internal to actors/policies.
// Owns: which name makes what. Refuses: a name that it does not know, with the nearest one and all there are.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "actors/policies/library_loader.hpp"
#include "actors/policies/policy_kinds.hpp"
#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// Policy is the kind's interface.
template <class Policy>
class Registry {
 public:
  using Settings = typename KindOf<Policy>::Settings;
  using Maker = std::unique_ptr<Policy> (*)(const Settings&);

  /// A policy with its settings, where it takes any.
  template <class Which>
  static std::unique_ptr<Policy> make(const Settings& settings) {
    if constexpr (std::is_constructible_v<Which, const Settings&>) {
      return std::make_unique<Which>(settings);
    } else {
      return std::make_unique<Which>();
    }
  }

  /// Each of `names` must have its maker.
  Registry(const std::vector<std::string>& names, std::vector<std::pair<std::string, Maker>> makers)
      : names_(names), makers_(std::move(makers)) {
    CHECK(names_.size() == makers_.size(), KindOf<Policy>::kWhat, names_.size(), makers_.size());
    for (const auto& name : names_) CHECK(maker(name) != nullptr, KindOf<Policy>::kWhat, name);
  }

  /// What has a slash is the path of a library.
  Result<std::unique_ptr<Policy>> make_named(std::string_view name, const Settings& settings) const {
    if (name.find('/') != std::string_view::npos) return load_policy<Policy>(std::string(name), settings, names_);
    if (const Maker found = maker(name)) return found(settings);
    std::string known;
    for (const auto& each : names_) known += (known.empty() ? "" : ", ") + each;
    return Error{ErrorCode::kConfig, std::string("There is no ") + KindOf<Policy>::kWhat + " \"" + std::string(name) +
                                         "\"" + did_you_mean(name, names_) + "; there are: " + known + "."};
  }

 private:
  Maker maker(std::string_view name) const {
    const auto found =
        std::find_if(makers_.begin(), makers_.end(), [&](const auto& each) { return each.first == name; });
    return found == makers_.end() ? nullptr : found->second;
  }

  std::vector<std::string> names_;
  std::vector<std::pair<std::string, Maker>> makers_;
};

}  // namespace troupe::policies
