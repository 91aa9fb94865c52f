// What each router has been told of machines that drain, and whether it gives them requests all the same (S7).
//
// Owns: the routers' knowledge as their messages say it. Promises: a router is judged by what it had been told before
// the moment at which it asked its policy: what comes at that very moment may be handled before or after.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include <caf/actor_control_block.hpp>

#include "actors/messages/routing.hpp"
#include "tools/hunt/violation.hpp"

namespace troupe::hunt {

class Drains {
 public:
  /// `router` has handled the message at that moment of virtual time.
  void told(caf::actor_id router, const MachineJoined& joined, std::int64_t at_ns);
  void told(caf::actor_id router, const MachineLeft& left);
  void told(caf::actor_id router, const MachineChanged& changed, std::int64_t at_ns);

  /// `router` offers its policy these machines. One that drains may be among them only where all that could hold the
  /// request drain.
  void offered(caf::actor_id router, const policies::RoutingSnapshot& snapshot, std::int64_t at_ns);

  const std::vector<Violation>& violations() const { return violations_; }

 private:
  struct Known {
    std::int64_t positions = 0;
    bool draining = false;
    std::int64_t since_ns = 0;
  };

  std::map<caf::actor_id, std::map<MachineId, Known>> routers_;
  std::vector<Violation> violations_;
};

}  // namespace troupe::hunt
