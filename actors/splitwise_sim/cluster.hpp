// The cluster's scheduler in the exact mode.
// Owns: the pools, and the counters by which they are ranked. Promises: every request is routed at its arrival, by the
// authors' rules. Refuses: nothing; a request that fits no machine waits on one for good, as theirs does.
#pragma once

#include <memory>
#include <vector>

#include "actors/splitwise_sim/messages.hpp"
#include "actors/splitwise_sim/pools.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe::splitwise_sim {

class Cluster final : public exec::Actor<ClusterActor::base> {
 public:
  Cluster(caf::actor_config& config, std::shared_ptr<Cast> cast, std::shared_ptr<const std::vector<RequestFacts>> load,
          Pools pools);
  const char* name() const override { return "cluster"; }

 protected:
  ClusterActor::behavior_type make_behavior() override;
  void on_exit() override { cast_.reset(); }

 private:
  void on(const EventDue& due);
  void on(const MachineReport& report);

  std::shared_ptr<Cast> cast_;
  std::shared_ptr<const std::vector<RequestFacts>> load_;
  Pools pools_;
};

}  // namespace troupe::splitwise_sim
