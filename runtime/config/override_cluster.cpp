// Settings that are given one by one over a cluster's configuration.
#include <algorithm>
#include <utility>

#include "runtime/config/cluster_config.hpp"
#include "runtime/config/section_reader.hpp"

namespace troupe::config {

std::vector<std::string> cluster_key_names(const std::vector<std::string>& only) {
  std::vector<std::string> names;
  for (const Key& key : cluster_keys()) {
    const auto covers = [&](const std::string& each) {
      return each == key.path || (each.ends_with('.') && key.path.starts_with(each));
    };
    if (std::any_of(only.begin(), only.end(), covers)) names.push_back(key.path);
  }
  return names;
}

Result<void> override_cluster(ClusterConfig& cluster, const std::vector<FlagValue>& flags) {
  Problems problems("configuration", "");
  SectionReader reader(problems, "", cluster_keys());
  Draft& draft = reader.draft();
  draft.serve = cluster.shared;
  draft.sections() = cluster.sections();
  for (const FlagValue& flag : flags) reader.take(flag.key, flag.value, flag.flag);
  if (problems.empty()) {
    check_scheduling(reader);
    check_roles(reader);
  }
  if (!problems.empty()) return problems.error();
  cluster.shared = std::move(draft.serve);
  cluster.sections() = std::move(draft.sections());
  return {};
}

}  // namespace troupe::config
