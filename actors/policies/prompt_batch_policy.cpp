#include "actors/policies/prompt_batch_policy.hpp"

#include "actors/policies/fcfs_prompts.hpp"
#include "actors/policies/registry.hpp"
#include "actors/policies/shortest_prompts.hpp"
#include "runtime/base/policy_names.hpp"

namespace troupe::policies {

Result<std::unique_ptr<PromptBatchPolicy>> make_prompt_batch_policy(std::string_view name) {
  using Table = Registry<PromptBatchPolicy>;
  static const Table table(prompt_batch_policy_names(),
                           {{"fcfs", Table::make<FcfsPrompts>}, {"shortest_first", Table::make<ShortestPrompts>}});
  return table.make_named(name, {});
}

}  // namespace troupe::policies
