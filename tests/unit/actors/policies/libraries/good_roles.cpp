// The last machine is for prompts while more of them are pending than its settings have for full.
#include "actors/policies/library_policy.hpp"

namespace {

using namespace troupe::policies;

class LastForPrompts final : public RolePolicy {
 public:
  explicit LastForPrompts(const RoleSettings& settings) : full_(settings.full_prompt_tokens) {}
  std::vector<RoleChange> decide(const RoleSnapshot& snapshot) override {
    std::int64_t pending = 0;
    for (const auto& machine : snapshot.machines) pending += machine.pending_prompt_tokens;
    if (pending <= full_) return {};
    return {{snapshot.machines.back().id, Role::kPrompt, "over " + std::to_string(full_)}};
  }

 private:
  std::int64_t full_;
};

}  // namespace

TROUPE_POLICY("last_for_prompts", LastForPrompts)
