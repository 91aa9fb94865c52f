// Re-purposing with hysteresis: the coarse counterpart of Splitwise's mixed pool (section 4.1), for which the paper
// gives neither thresholds nor times.
//
// A pool's pressure is, for prompts, the prompt tokens that are pending on its machines over those past which they
// overflow; for tokens, the share of its machines' KV that is taken by requests whose prompt has run. A pool over
// `high` for `hold` gets one machine: one that is at home in it, else a mixed one, else one of the other pool, each
// time the one with the least to do. A pool under `low` for `hold` gives back one that is at home elsewhere. Promises:
// one change in `settle`, and none of a machine that had its role for less; a pool that gives never gives its last
// machine, and stays under `high` without what it gives, so that no change calls for its own undoing; while both pools
// are over `high` nothing moves; some machine stays for each phase.
#pragma once

#include <array>

#include "actors/policies/role_policy.hpp"

namespace troupe::policies {

class RolesByLoad final : public RolePolicy {
 public:
  explicit RolesByLoad(const RoleSettings& settings) : settings_(settings) {}
  std::vector<RoleChange> decide(const RoleSnapshot& snapshot) override;

 private:
  using Nanoseconds = std::chrono::nanoseconds;
  /// For how long something has been so.
  struct Held {
    std::optional<Nanoseconds> since;
    void note(bool is_so, Nanoseconds now);
    bool for_as_long_as(Nanoseconds time, Nanoseconds now) const { return since && now - *since >= time; }
  };
  struct Pool {
    Role role;
    Held high;
    Held low;
  };

  /// In percent; `without` is left out. None for a pool without machines.
  std::optional<double> pressure(const RoleSnapshot& snapshot, Role pool, const RoleView* without = nullptr) const;
  const RoleView* who_may_help(const RoleSnapshot& snapshot, const Pool& pool) const;
  const RoleView* who_may_go_home(const RoleSnapshot& snapshot, const Pool& pool) const;
  bool may_leave(const RoleSnapshot& snapshot, const RoleView& machine, Role role) const;

  RoleSettings settings_;
  std::array<Pool, 2> pools_{{{Role::kPrompt, {}, {}}, {Role::kToken, {}, {}}}};
  std::optional<Nanoseconds> changed_;
};

}  // namespace troupe::policies
