#include "actors/splitwise_sim/cluster.hpp"

namespace troupe::splitwise_sim {

Cluster::Cluster(caf::actor_config& config, std::shared_ptr<Cast> cast,
                 std::shared_ptr<const std::vector<RequestFacts>> load, Pools pools)
    : Actor(config), cast_(std::move(cast)), load_(std::move(load)), pools_(std::move(pools)) {}

ClusterActor::behavior_type Cluster::make_behavior() {
  return {
      [this](const EventDue& due) { on(due); },
      [this](const MachineReport& report) { on(report); },
  };
}

void Cluster::on(const EventDue& due) {
  const RequestFacts& facts = (*load_)[due.event.number];
  const Route route = pools_.route(facts);
  for (std::size_t i = 0; i < route.moves; ++i) send(cast_->ledger, PoolsChanged{due.event.at, route.moved[i], true});
  send(cast_->machines[route.prompt_machine], ServeRequest{due.event.at, facts, route.token_machine});
}

void Cluster::on(const MachineReport& report) {
  pools_.report(report.machine, report.pending_done, report.reserved_done, report.waiting);
  if (report.became_free && pools_.became_free(report.machine))
    send(cast_->ledger, PoolsChanged{report.at, report.machine, false});
}

}  // namespace troupe::splitwise_sim
