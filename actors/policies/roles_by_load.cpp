#include "actors/policies/roles_by_load.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace troupe::policies {
namespace {

/// But for what is held for prompts that have not run: that is for want of prompt machines, not of token machines.
double kv_taken(const RoleView& machine) {
  if (machine.kv_positions <= 0) return 0;
  const auto capacity = static_cast<double>(machine.kv_positions);
  // What its requests may come to is more than what they hold, but all there is to go by before the first beat.
  if (!machine.kv_free)
    return std::min(1.0, static_cast<double>(machine.pending_tokens - machine.awaited_prompt_tokens) / capacity);
  const auto taken = machine.kv_positions - *machine.kv_free - machine.awaited_prompt_tokens;
  return std::clamp(static_cast<double>(taken) / capacity, 0.0, 1.0);
}

std::int64_t to_do(const RoleView& machine) { return machine.pending_prompt_tokens + machine.pending_tokens; }

std::string percent(std::optional<double> pressure) {
  return pressure ? std::to_string(std::lround(*pressure)) + " %" : "no load";
}

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::lround(static_cast<double>(time.count()) / 1000)) + " s";
}

}  // namespace

void RolesByLoad::Held::note(bool is_so, Nanoseconds now) {
  if (!is_so) {
    since.reset();
  } else if (!since) {
    since = now;
  }
}

std::optional<double> RolesByLoad::pressure(const RoleSnapshot& snapshot, Role pool, const RoleView* without) const {
  double sum = 0;
  int machines = 0;
  for (const auto& machine : snapshot.machines) {
    if (machine.role != pool || machine.draining) continue;
    // What is left out leaves its load to the others.
    sum += pool == Role::kPrompt ? static_cast<double>(machine.pending_prompt_tokens) /
                                       static_cast<double>(std::max<std::int64_t>(settings_.full_prompt_tokens, 1))
                                 : kv_taken(machine);
    if (&machine != without) ++machines;
  }
  if (machines == 0) return std::nullopt;
  return 100 * sum / machines;
}

bool RolesByLoad::may_leave(const RoleSnapshot& snapshot, const RoleView& machine, Role role) const {
  if (machine.draining || machine.role_for < settings_.settle) return false;
  if (machine.role != Role::kMixed) {
    const auto without = pressure(snapshot, machine.role, &machine);
    if (!without || *without >= settings_.high_percent) return false;
  }
  // Each phase keeps a machine that is for it.
  const auto stays_for = [&](Role phase) {
    return role == phase || role == Role::kMixed ||
           std::any_of(snapshot.machines.begin(), snapshot.machines.end(), [&](const RoleView& other) {
             return &other != &machine && !other.draining && (other.role == phase || other.role == Role::kMixed);
           });
  };
  return stays_for(Role::kPrompt) && stays_for(Role::kToken);
}

const RoleView* RolesByLoad::who_may_help(const RoleSnapshot& snapshot, const Pool& pool) const {
  const auto rank = [&](const RoleView& machine) {
    return std::tuple{machine.home != pool.role, machine.role != Role::kMixed, to_do(machine), machine.id};
  };
  const RoleView* best = nullptr;
  for (const auto& machine : snapshot.machines) {
    if (machine.role == pool.role || !may_leave(snapshot, machine, pool.role)) continue;
    if (best == nullptr || rank(machine) < rank(*best)) best = &machine;
  }
  return best;
}

const RoleView* RolesByLoad::who_may_go_home(const RoleSnapshot& snapshot, const Pool& pool) const {
  const RoleView* best = nullptr;
  for (const auto& machine : snapshot.machines) {
    if (machine.role != pool.role || machine.home == machine.role || !may_leave(snapshot, machine, machine.home))
      continue;
    if (best == nullptr || to_do(machine) < to_do(*best)) best = &machine;
  }
  return best;
}

std::vector<RoleChange> RolesByLoad::decide(const RoleSnapshot& snapshot) {
  const auto now = snapshot.now;
  for (auto& pool : pools_) {
    const auto load = pressure(snapshot, pool.role);
    pool.high.note(load && *load > settings_.high_percent, now);
    pool.low.note(load && *load < settings_.low_percent, now);
  }
  if (changed_ && now - *changed_ < settings_.settle) return {};
  const auto change = [&](const RoleView& machine, Role role, std::string reason) {
    changed_ = now;
    for (auto& pool : pools_) pool.high = pool.low = {};
    return std::vector<RoleChange>{{machine.id, role, std::move(reason)}};
  };
  for (const auto& pool : pools_) {
    const auto& other = pools_[pool.role == Role::kPrompt ? 1 : 0];
    if (!pool.high.for_as_long_as(settings_.hold, now) || other.high.since) continue;
    if (const auto* const machine = who_may_help(snapshot, pool))
      return change(*machine, pool.role,
                    std::string("the ") + to_string(pool.role) + " pool is at " +
                        percent(pressure(snapshot, pool.role)) + ", over " + std::to_string(settings_.high_percent) +
                        " % for " + seconds(settings_.hold));
  }
  for (const auto& pool : pools_) {
    if (!pool.low.for_as_long_as(settings_.hold, now)) continue;
    if (const auto* const machine = who_may_go_home(snapshot, pool))
      return change(*machine, machine->home,
                    std::string("home again: the ") + to_string(pool.role) + " pool is at " +
                        percent(pressure(snapshot, pool.role)) + ", under " + std::to_string(settings_.low_percent) +
                        " % for " + seconds(settings_.hold));
  }
  return {};
}

}  // namespace troupe::policies
