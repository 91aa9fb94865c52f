// The assignment of roles: which machine should be for prompts, for tokens or for both, as the load changes. A policy
// is a function of a snapshot, which holds the time too, and its own memory; it names no transport, no device and no
// clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// What is known of one machine when roles are thought about.
struct RoleView {
  MachineId id;
  Role home = Role::kMixed;             ///< what its operator wants it to be
  Role role = Role::kMixed;             ///< what it is
  std::chrono::nanoseconds role_for{};  ///< for how long it has been that, as far as is known
  std::int64_t pending_prompt_tokens = 0;
  std::int64_t running = 0;
  std::int64_t pending_tokens = 0;
  std::int64_t awaited_prompt_tokens = 0;  ///< see MachineView
  std::int64_t kv_positions = 0;
  std::optional<std::int64_t> kv_free;  ///< none: not known
  bool draining = false;                ///< gets no requests, and no other role
};

struct RoleSnapshot {
  std::chrono::nanoseconds now{};  ///< of a clock that only goes forward
  std::vector<RoleView> machines;
};

struct RoleChange {
  MachineId machine;
  Role role = Role::kMixed;
  std::string reason;  ///< one sentence
};

struct RoleSettings {
  /// Well under the 100 at which a pool overflows, as a step takes up to a quarter of that off a queue at once.
  std::int32_t high_percent = 50;
  std::int32_t low_percent = 20;
  std::chrono::milliseconds hold{10'000};
  std::chrono::milliseconds settle{30'000};
  /// Pending prompt tokens of a machine that are 100 %: the threshold past which its pool overflows.
  std::int64_t full_prompt_tokens = 8192;
};

/// Implemented by one file for each policy. `decide` is called again and again, with times that grow.
class RolePolicy {
 public:
  virtual ~RolePolicy() = default;
  /// What to change; mostly nothing.
  virtual std::vector<RoleChange> decide(const RoleSnapshot& snapshot) = 0;
};

/// The policy of that name (one of role_policy_names()), or of the library at that path where it has a slash; or
/// kConfig with the names there are.
Result<std::unique_ptr<RolePolicy>> make_role_policy(std::string_view name, const RoleSettings& settings = {});

}  // namespace troupe::policies
