// What one seed stands for: a small cluster, the requests that it is given, and what goes wrong meanwhile. A pure
// function of the seed.
//
// Promises: every trouble has an end in the plan, but for a node that may stay dead (Plan::dead). Each class of faults
// is in about a third of the seeds, so that each also meets the others' absence; one seed in eight has no fault at all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/exit_reason.hpp>

#include "actors/messages/request.hpp"
#include "tools/hunt/cluster.hpp"

namespace troupe::hunt {

using Nanoseconds = std::chrono::nanoseconds;

/// What happens at one moment. `node`, `other`: by their place in ClusterOptions::nodes.
struct Act {
  enum class Kind {
    kSubmit,      ///< request number `request`, at `node`
    kCancel,      ///< its requester gives it up
    kDisconnect,  ///< its requester is gone
    kKill,        ///< a node's process
    kStart,
    kCut,  ///< a node from all others
    kHeal,
    kCutPair,  ///< two nodes from each other
    kHealPair,
    kBreak,  ///< the connection of two nodes, with what is on the way
    kStall,  ///< a node handles nothing
    kWake,
    kChangeRole,  ///< of a node's machines, by order of another
    kDrain,
    kUndrain,
    kSlow,  ///< a node's devices take `factor` times as long
    kFast,
    kRetire,    ///< a node is drained, stopped when it is empty, and started again; one after the other
    kCrash,     ///< a node ends of itself, and `which` times more as soon as it is started again
    kEndActor,  ///< one of all actors that have the name `actor`, wherever it is
  };
  Nanoseconds at{};
  Kind kind = Kind::kSubmit;
  std::size_t node = 0;
  std::size_t other = 0;
  std::size_t request = 0;
  policies::Role role = policies::Role::kMixed;
  std::int32_t factor = 1;
  const char* actor = "";
  std::uint64_t which = 0;         ///< of those that there are, from the oldest on, and around
  std::size_t after_messages = 0;  ///< that are handled past `at`: in the midst of what goes on
  caf::exit_reason reason = caf::exit_reason::kill;
};

/// "12.345 ms: node token0 dies"
std::string in_words(const Act& act, const ClusterOptions& cluster);

struct PlannedRequest {
  std::int32_t prompt = 1;
  std::int32_t tokens = 1;
  std::uint64_t salt = 0;
  std::vector<std::string> stop;
  std::optional<Nanoseconds> deadline;  ///< after it was submitted
};

/// How often pieces of KV come to harm, per mille, while faults last.
struct KvFaults {
  std::uint32_t drop = 0;
  std::uint32_t corrupt = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t late = 0;
  Nanoseconds latest{};  ///< of those that are late
  bool any() const { return drop + corrupt + duplicate + late > 0; }
};

struct Plan {
  std::uint64_t seed = 0;
  ClusterOptions cluster;  ///< without its functions
  Nanoseconds step_cost{};
  Nanoseconds frame_delay{};  ///< at most
  KvFaults kv;
  std::uint32_t step_faults = 0;  ///< steps that a device fails, per mille
  std::vector<PlannedRequest> requests;
  std::vector<Act> acts;            ///< by time
  std::optional<std::size_t> dead;  ///< a node that stays dead
  Nanoseconds faults_end{};         ///< from here on nothing goes wrong any more
  bool has_faults = false;          ///< anything but calls, their clients' whims, and what `rolling` means
  bool rolling = false;             ///< nodes are replaced one after the other, which no request should notice
};

/// `faults`: without, the same load goes undisturbed.
Plan plan_of(std::uint64_t seed, bool faults);

}  // namespace troupe::hunt
