// Watches the actors without which a node is none: its router, its neighbours actor, its supervisor and the like.
// Owns: their names. Promises: when one of them ends, whatever the reason, the node is told once; it ends its process,
// and whoever started that starts it again. What is left of a node that has lost one of them would take requests and
// answer none. Refuses: nothing.
//
// What a machine's actors mean for the node is the supervisor's to say: it ends when it has nothing left to supervise.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "runtime/exec/actor.hpp"

namespace troupe {

/// Command: the node ends with this actor.
struct WatchVital {
  std::string name;
  caf::actor_addr actor;
};

using NodeWatchActor = caf::typed_actor<caf::reacts_to<WatchVital>>;

class NodeWatch final : public exec::Actor<NodeWatchActor::base> {
 public:
  /// Called inside the actor, once at most: who ended, and why.
  using Failed = std::function<void(const std::string& name, const std::string& why)>;

  NodeWatch(caf::actor_config& config, Failed failed) : Actor(config), failed_(std::move(failed)) {}
  const char* name() const override { return "node_watch"; }

 protected:
  NodeWatchActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  void fail(const std::string& name, const std::string& why);

  Failed failed_;
  std::unordered_map<caf::actor_id, std::string> names_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WatchVital)
