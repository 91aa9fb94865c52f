// Looks at the cluster for whoever is not an actor: HTTP routes that show its state.
// Owns: nothing. Promises: each Show is called once with the state of its moment, on the actor system's threads.
#pragma once

#include <functional>

#include "actors/messages/cluster.hpp"
#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// Command: ask the supervisor, then call `with`.
struct ShowCluster {
  std::function<void(const ClusterState&)> with;
};
/// Command: ask who holds that machine's blocks, then call `with`.
struct ShowBlocks {
  std::string machine;
  std::function<void(const BlocksFound&)> with;
};

/// Command: ask how all nodes reach each other, then call `with`.
struct ShowPaths {
  NeighboursActor neighbours;
  std::function<void(const PathsFound&)> with;
};
using ClusterViewActor =
    caf::typed_actor<caf::reacts_to<ShowCluster>, caf::reacts_to<ShowBlocks>, caf::reacts_to<ShowPaths>>;

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
            },
            [this](ShowBlocks& show) {
              request(supervisor_, caf::infinite, QueryBlocks{show.machine})
                  .then([with = show.with](const BlocksFound& found) { with(found); },
                        [with = show.with](caf::error&) {
                          with({{},
                                std::make_shared<const Result<MachineBlocks>>(
                                    Error{ErrorCode::kUnavailable, "The node is going down."})});
                        });
            },
            [this](ShowPaths& show) {
              request(show.neighbours, caf::infinite, QueryPaths{})
                  .then([with = show.with](const PathsFound& found) { with(found); },
                        [with = show.with](caf::error&) {
                          with({std::make_shared<const Result<std::vector<NodePaths>>>(
                              Error{ErrorCode::kUnavailable, "The node is going down."})});
                        });
            }};
  }
  void on_exit() override { supervisor_ = nullptr; }

 private:
  SupervisorActor supervisor_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ShowCluster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ShowBlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ShowPaths)
