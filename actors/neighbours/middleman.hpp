// Other nodes by way of CAF's middleman: publishes this node's neighbours actor on its control port and dials those of
// others. TCP without TLS: for loopback only, which the configuration enforces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/neighbours/neighbours.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/system.hpp"

namespace troupe {

/// CAF's settings for a node of a cluster: the middleman, and the one message that it carries.
class ClusterActorsConfig final : public exec::NodeConfig {
 public:
  ClusterActorsConfig();
};

struct ControlAddress {
  std::string host;
  std::uint16_t port = 0;
};

/// `addresses`: of all nodes, by id.
std::shared_ptr<Dialler> middleman_dialler(caf::actor_system& system, std::vector<ControlAddress> addresses);

/// Lets other nodes reach `neighbours`. kUnavailable where the port cannot be listened on.
Result<void> publish(caf::actor_system& system, const NeighboursActor& neighbours, const ControlAddress& address);

}  // namespace troupe
