#include "actors/supervisor/node_watch.hpp"

#include <utility>

#include <caf/actor_cast.hpp>

namespace troupe {

NodeWatchActor::behavior_type NodeWatch::make_behavior() {
  set_down_handler(
      [this](const caf::down_msg& down) { fail(names_[down.source.id()], home_system().render(down.reason)); });
  return {[this](const WatchVital& vital) {
    // An address does not keep what it names; CAF's monitor() takes it that somebody else does.
    const auto actor = caf::actor_cast<caf::strong_actor_ptr>(vital.actor);
    if (!actor) return fail(vital.name, "it had ended before it was watched");
    names_[actor->id()] = vital.name;
    monitor(actor);
  }};
}

void NodeWatch::fail(const std::string& name, const std::string& why) {
  const auto failed = std::exchange(failed_, {});
  if (failed) failed(name, why);
}

void NodeWatch::on_exit() { failed_ = {}; }

}  // namespace troupe
