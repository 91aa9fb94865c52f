// Role policies of libraries: where one fails nothing changes.
#include <algorithm>

#include "actors/policies/library_guards.hpp"

namespace troupe::policies {
namespace {

bool is_role(Role role) { return role == Role::kPrompt || role == Role::kToken || role == Role::kMixed; }

class GuardedRoles final : public Guard<RolePolicy> {
 public:
  using Guard::Guard;

  std::vector<RoleChange> decide(const RoleSnapshot& snapshot) override {
    auto answer = answer_of([&](RolePolicy& policy) { return policy.decide(snapshot); });
    if (!answer.ok()) return {};
    std::vector<RoleChange> kept;
    answer->resize(std::min(answer->size(), snapshot.machines.size()));
    for (const auto& change : *answer) {
      const auto again = [&](const RoleChange& earlier) { return earlier.machine == change.machine; };
      if (!makes_sense(change, snapshot) || !changes_something(change, snapshot) ||
          std::any_of(kept.begin(), kept.end(), again))
        continue;
      const std::string said = bounded_text(std::string_view(change.reason));
      kept.push_back({change.machine, change.role, said.empty() ? "as " + name() + " has it" : said});
    }
    return kept;
  }

 private:
  static const RoleView* view_of(MachineId machine, const RoleSnapshot& snapshot) {
    const auto found = std::find_if(snapshot.machines.begin(), snapshot.machines.end(),
                                    [&](const RoleView& each) { return each.id == machine; });
    return found == snapshot.machines.end() ? nullptr : &*found;
  }

  bool makes_sense(const RoleChange& change, const RoleSnapshot& snapshot) {
    const std::string machine = "machine " + std::to_string(change.machine.value);
    if (view_of(change.machine, snapshot) == nullptr) {
      failed("it gave a role to " + machine + ", which it was not shown");
    } else if (!is_role(change.role)) {
      failed("it gave " + machine + " role number " + std::to_string(static_cast<int>(change.role)) +
             ", which there is not");
    } else {
      return true;
    }
    return false;
  }

  /// One that drains gets no other role.
  static bool changes_something(const RoleChange& change, const RoleSnapshot& snapshot) {
    const auto& machine = *view_of(change.machine, snapshot);
    return !machine.draining && machine.role != change.role;
  }
};

}  // namespace

std::unique_ptr<RolePolicy> guarded(FromLibrary<RolePolicy> from) {
  return std::make_unique<GuardedRoles>(std::move(from));
}

}  // namespace troupe::policies
