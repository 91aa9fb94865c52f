// What the supervisor tells of the cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/blocks.hpp"
#include "actors/messages/work.hpp"
#include "actors/policies/routing_policy.hpp"

namespace troupe {

struct QueryCluster;
struct ClusterState;

/// Starts machines, keeps the list of them, and decides what the death of an actor means.
using SupervisorActor = caf::typed_actor<caf::replies_to<QueryCluster>::with<ClusterState>>;

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

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryCluster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ClusterState)
