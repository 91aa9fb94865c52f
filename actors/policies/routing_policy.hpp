// The routing decision: which machine runs a request's prompt and which generates its tokens. A policy is a pure
// function of a snapshot and its own memory; it names no transport, no device and no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

enum class Role : std::uint8_t { kPrompt, kToken, kMixed };

/// "prompt", "token", "mixed".
const char* to_string(Role role);

/// How fast sequences were seen to go on where so many run at once: a step costs something, and each sequence in it
/// some more.
struct DecodePace {
  double step_s = 0;
  double per_sequence_s = 0;
  /// Seconds from one token of a sequence to the next while `running` of them run.
  double gap_s(double running) const { return step_s + per_sequence_s * running; }
};

/// What the router knows of one machine when it asks.
struct MachineView {
  MachineId id;
  Role role = Role::kMixed;
  std::int64_t pending_prompt_tokens = 0;  ///< of requests routed here whose prompt has not run yet
  std::int64_t pending_prompts = 0;
  std::int64_t running = 0;         ///< requests that generate tokens here
  std::int64_t pending_tokens = 0;  ///< prompt tokens plus max_tokens of every request whose tokens are generated here
  std::int64_t kv_positions = 0;    ///< capacity
  /// Prompt tokens of requests whose tokens will be generated here and whose prompt has not run yet, anywhere: KV may
  /// be held for them.
  std::int64_t awaited_prompt_tokens = 0;
  std::int64_t awaited = 0;  ///< how many requests that is
  NodeId node;               ///< where it is
  /// Positions that are free, as last heard, less what has been routed here since; none: not known.
  std::optional<std::int64_t> kv_free;
  std::optional<double> prompt_tokens_per_s;  ///< at which prompts were seen to run here; none: not measured
  std::optional<DecodePace> pace;             ///< of the tokens after the first; none: not measured
};

/// What KV meets on its way from one node to another, or from one machine of a node to another (`from` is `to`), where
/// that was measured.
struct LinkView {
  NodeId from;
  NodeId to;
  std::chrono::nanoseconds round_trip{};
  double bytes_per_s = 0;  ///< over 0
  /// KV of prompts that are routed over it and have not run yet; 0 within a node, whose machines share no line.
  std::int64_t bytes_under_way = 0;
};

/// Everything a decision may depend on.
struct RoutingSnapshot {
  RequestId request;
  std::int32_t attempt = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t max_tokens = 0;
  std::vector<MachineView> machines;  ///< at least one; ascending ids
  std::int64_t kv_bytes_per_token = 0;
  std::vector<LinkView> links;  ///< those that were measured, each direction for itself
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

/// When the two phases of a request go to two machines.
enum class Split : std::uint8_t { kAlways, kWhenItPays };

/// What an operator promises for a request.
struct Objectives {
  std::chrono::milliseconds ttft{1000};  ///< from its arrival to its first token
  std::chrono::milliseconds tbt{100};    ///< from token to token, on the mean
  /// The first token of a prompt that takes long alone may take so many times that, where this is more than `ttft`.
  std::int32_t ttft_slowdown = 2;
};

/// What a policy may be told; those that have no use for a setting pass over it.
struct RoutingSettings {
  /// Prompt tokens pending on a machine past which it gets no more prompts while another one has fewer. 8192 as the
  /// authors' simulator of Splitwise has it (configs/orchestrator_repo/schedulers/mixed_pool.yml); the paper names
  /// none.
  std::int64_t overflow_prompt_tokens = 8192;
  /// The share of a machine's KV that stays free for the tokens of what it has: a request is not given to a machine
  /// where its prompt would cut into it, while another one has room.
  std::int32_t kv_reserve_percent = 10;
  Split split = Split::kAlways;
  std::int32_t layer_groups = 6;                    ///< in so many pieces KV travels while its prompt is computed
  std::int32_t prompt_tokens_beside_decodes = 512;  ///< prompt tokens of a step that decodes share
  Objectives slo;
  std::uint64_t seed = 1;  ///< of the policies that draw
};

/// The policy of that name, or of the library at that path where it has a slash; or kConfig with the names there are.
Result<std::unique_ptr<RoutingPolicy>> make_routing_policy(std::string_view name, const RoutingSettings& settings = {});

}  // namespace troupe::policies
