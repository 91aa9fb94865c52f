// What the supervisor tells of the cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/blocks.hpp"
#include "actors/messages/work.hpp"
#include "actors/policies/routing_policy.hpp"
#include "runtime/base/result.hpp"

namespace troupe {

struct QueryCluster;
struct ClusterState;
struct QueryBlocks;
struct BlocksFound;

/// Starts machines, keeps the list of them, and decides what the death of an actor means.
using SupervisorActor = caf::typed_actor<caf::replies_to<QueryCluster>::with<ClusterState>,
                                         caf::replies_to<QueryBlocks>::with<BlocksFound>>;

/// Question: which machines are there, and what do they do?
struct QueryCluster {};

struct MachineState {
  MachineId id;
  std::string name;
  std::string node;  ///< the name of the node whose it is
  policies::Role role = policies::Role::kMixed;
  std::string device;
  bool alive = true;
  bool draining = false;
  WorkState prompts;  ///< of the prompt actor
  WorkState tokens;   ///< of the token actor
  PoolState blocks;
  policies::Role home = policies::Role::kMixed;  ///< the role that its operator gave it
  std::string why;                               ///< its role is another, for people
  std::chrono::nanoseconds role_for{};           ///< as far as the node that was asked knows
};

/// A node as the one that was asked sees it.
struct NodeView {
  std::string name;
  std::string state;      ///< "here" (the one that was asked), "connected", "away"
  std::uint32_t pid = 0;  ///< 0: not known
  std::string router;     ///< "active" (it routes), "standby" (it would), or empty
};

struct ClusterState {
  std::vector<NodeView> nodes;  ///< empty where there is no cluster
  std::vector<MachineState> machines;
};

/// Question: who holds the KV blocks of the machine of that name?
struct QueryBlocks {
  std::string machine;
};

/// Answer to QueryBlocks. kMissingInput where there is no such machine, with the names of those that there are;
/// kUnavailable where its node does not answer.
struct BlocksFound {
  std::string node;  ///< whose machine it is; empty without a cluster
  std::shared_ptr<const Result<MachineBlocks>> what;
};

/// How one node reaches another, as it finds itself.
struct PathReport {
  std::string peer;
  std::string transport;              ///< of the link; empty: none
  std::string why;                    ///< why not a better one; empty where there is none
  std::string problem;                ///< why nothing was measured; empty where all was
  std::int64_t round_trip_ns = -1;    ///< of a few bytes by the link; -1: not measured
  std::int64_t bytes_per_second = 0;  ///< of `bytes` of KV's size and way; 0: not measured
  std::int64_t bytes = 0;
  std::int64_t heard_ns = -1;  ///< how long ago; -1: it is away
  std::int64_t clock_ahead_ns = 0;
  std::int64_t clock_error_ns = -1;  ///< by how much that may be wrong; -1: not known yet
};

/// The ways from one node to its peers.
struct NodePaths {
  std::string node;
  std::string problem;  ///< why the node did not say; empty where it did
  std::vector<PathReport> paths;
};

/// Question to the neighbours actor: how do all nodes reach each other? Each measures it, which takes a while.
struct QueryPaths {};

/// Answer to QueryPaths; kOverloaded while somebody else asks.
struct PathsFound {
  std::shared_ptr<const Result<std::vector<NodePaths>>> what;
};

/// The error for a machine that nobody knows, with the names of those that there are.
Error no_such_machine(const std::string& name, const std::vector<std::string>& there);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryCluster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ClusterState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BlocksFound)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryPaths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PathsFound)
