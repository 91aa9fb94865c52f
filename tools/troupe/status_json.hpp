// The state of a node as /troupe/status shows it.
#pragma once

#include <string>

#include "actors/messages/cluster.hpp"

namespace troupe {

struct NodeState {
  std::string name;   ///< "local"
  std::string model;  ///< the name it is served under
  std::string state;  ///< "serving", "draining"
  long pid = 0;
};

/// {"nodes": [{name, pid, state}], "machines": [{name, node, role, home_role, role_for_s, role_why, device, state,
/// running, waiting, waiting_tokens, preemptions, blocks}], "model"}. A request that waits for its prompt or for memory
/// is waiting; one whose prompt or tokens are computed is running.
std::string status_json(const NodeState& node, const ClusterState& cluster);

/// Requests of all machines together.
struct Load {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
};
Load load_of(const MachineState& machine);

}  // namespace troupe
