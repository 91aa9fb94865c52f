#include "actors/policies/token_batch_policy.hpp"

#include "actors/policies/cheapest_first.hpp"
#include "actors/policies/newest_first.hpp"
#include "actors/policies/registry.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {

std::vector<std::uint64_t> TokenBatchPolicy::choose_batch(const TokenBatchSnapshot& snapshot) {
  std::vector<std::uint64_t> all;
  for (const auto& sequence : snapshot.sequences) all.push_back(sequence.number);
  return all;
}

Result<std::unique_ptr<TokenBatchPolicy>> make_token_batch_policy(std::string_view name) {
  using Table = Registry<TokenBatchPolicy>;
  static const Table table(token_batch_policy_names(), {{"newest_first", Table::make<NewestFirst>},
                                                        {"cheapest_first", Table::make<CheapestFirst>}});
  return table.make_named(name, {});
}

}  // namespace troupe::policies
