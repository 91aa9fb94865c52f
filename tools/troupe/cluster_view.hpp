// Looks at the cluster for whoever is not an actor: HTTP routes that show its state.
// Owns: nothing. Promises: each Show is called once with the state of its moment, on the actor system's threads.
#pragma once

#include <functional>

#include "actors/messages/cluster.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// Command: ask the supervisor, then call `with`.
struct ShowCluster {
  std::function<void(const ClusterState&)> with;
};
using ClusterViewActor = caf::typed_actor<caf::reacts_to<ShowCluster>>;

class ClusterView final : public exec::Actor<ClusterViewActor::base> {
 public:
  ClusterView(caf::actor_config& config, SupervisorActor supervisor)
      : Actor(config), supervisor_(std::move(supervisor)) {}
  const char* name() const override { return "cluster_view"; }

 protected:
  ClusterViewActor::behavior_type make_behavior() override {
    return {[this](ShowCluster& show) {
      request(supervisor_, caf::infinite, QueryCluster{})
          .then([with = show.with](const ClusterState& state) { with(state); },
                [with = show.with](caf::error&) { with(ClusterState{}); });  // the node is going down
    }};
  }
  void on_exit() override { supervisor_ = nullptr; }

 private:
  SupervisorActor supervisor_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ShowCluster)
