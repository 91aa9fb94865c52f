// Other nodes by way of CAF's middleman: this node's neighbours actor is published on its control port, and those of
// others are dialled. What passes the port is runtime/control's to decide.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/neighbours/neighbours.hpp"
#include "runtime/base/result.hpp"
#include "runtime/control/caf_port.hpp"
#include "runtime/exec/system.hpp"

namespace troupe {

/// CAF's settings for a node of a cluster: the middleman, and the one message that it carries.
class ClusterActorsConfig final : public exec::NodeConfig {
 public:
  ClusterActorsConfig();
};

/// A node of the configuration and its control port.
struct ControlAddress {
  std::string node;
  control::Endpoint endpoint;
};

/// `addresses`: of all nodes, by id. Dials nobody any more once `port` is gone.
std::shared_ptr<Dialler> middleman_dialler(std::weak_ptr<control::CafPort> port, std::vector<ControlAddress> addresses);

/// Lets other nodes reach `neighbours`. kUnavailable where the port cannot be listened on.
Result<void> publish(control::CafPort& port, const NeighboursActor& neighbours, const ControlAddress& address);

}  // namespace troupe
