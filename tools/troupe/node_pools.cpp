#include "tools/troupe/node_pools.hpp"

#include <utility>

#include <caf/send.hpp>

#include "tools/settings/settings.hpp"

namespace troupe {

Result<BalancerActor> start_balancer(caf::actor_system& actors, const config::ClusterConfig& cluster,
                                     const RouterActor& router, const NeighboursActor& neighbours,
                                     std::shared_ptr<EventLog> log) {
  TRY(options, balancer_options(cluster));
  options.router = router;
  options.orders = neighbours;
  options.tell = [log = std::move(log)](const std::string& machine, const std::string& role, const std::string& why) {
    log->write(config::LogLevel::kInfo, "role_ordered", {{"machine", machine}, {"role", role}, {"why", why}});
  };
  options.active = false;
  BalancerActor balancer = actors.spawn<Balancer>(std::move(options));
  caf::anon_send(neighbours, WatchRouting{balancer});
  return balancer;
}

}  // namespace troupe
