#include "runtime/base/policy_names.hpp"

namespace troupe {

const std::vector<std::string>& routing_policy_names() {
  static const std::vector<std::string> names = {
      "splitwise",  //
      "round_robin", "random", "least_loaded", "jsq_tokens", "power_of_two", "aggregated", "slo_aware",
  };
  return names;
}

const std::vector<std::string>& prompt_batch_policy_names() {
  static const std::vector<std::string> names = {"fcfs", "shortest_first"};
  return names;
}

const std::vector<std::string>& token_batch_policy_names() {
  static const std::vector<std::string> names = {"newest_first", "cheapest_first"};
  return names;
}

const std::vector<std::string>& admission_policy_names() {
  static const std::vector<std::string> names = {"fcfs", "shed_late"};
  return names;
}

const std::vector<std::string>& role_policy_names() {
  static const std::vector<std::string> names = {"fixed", "by_load"};
  return names;
}

}  // namespace troupe
