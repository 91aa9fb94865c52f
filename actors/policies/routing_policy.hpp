// The routing decision: which machine runs a request's prompt and which generates its tokens. A policy is a pure
// function of a snapshot and its own memory; it names no transport, no device and no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

enum class Role : std::uint8_t { kPrompt, kToken, kMixed };

/// "prompt", "token", "mixed".
const char* to_string(Role role);

/// What the router knows of one machine when it asks.
struct MachineView {
  MachineId id;
  Role role = Role::kMixed;
  std::int64_t pending_prompt_tokens = 0;  ///< of requests routed here whose prompt has not run yet
  std::int64_t pending_prompts = 0;
  std::int64_t running = 0;         ///< requests that generate tokens here
  std::int64_t pending_tokens = 0;  ///< prompt tokens plus max_tokens of every request whose tokens are generated here
  std::int64_t kv_positions = 0;    ///< capacity
};

/// Everything a decision may depend on.
struct RoutingSnapshot {
  RequestId request;
  std::int32_t attempt = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t max_tokens = 0;
  std::vector<MachineView> machines;  ///< at least one; ascending ids
};

/// One machine that was considered and the score it got (lower is better), for the inspector.
struct Candidate {
  MachineId machine;
  double score = 0;
};

struct RoutingDecision {
  MachineId prompt_machine;
  MachineId token_machine;  ///< the same machine: no transfer
  std::vector<Candidate> prompt_candidates;
  std::vector<Candidate> token_candidates;
  std::string reason;  ///< one sentence
  std::string policy;
};

/// Implemented by one file for each policy. `decide` is called with snapshots in the order of arrival; the snapshot has
/// at least one machine that can run prompts and one that can generate tokens.
class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;
  virtual RoutingDecision decide(const RoutingSnapshot& snapshot) = 0;
};

/// The policy of that name ("splitwise", "round_robin", "least_loaded"), or kConfig with the names there are.
Result<std::unique_ptr<RoutingPolicy>> make_routing_policy(std::string_view name);

/// The names that make_routing_policy knows.
std::vector<std::string> routing_policy_names();

}  // namespace troupe::policies
