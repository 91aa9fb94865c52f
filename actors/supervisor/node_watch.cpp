#include "actors/supervisor/node_watch.hpp"

#include <utility>

namespace troupe {

NodeWatchActor::behavior_type NodeWatch::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    const auto failed = std::exchange(failed_, {});
    if (failed) failed(names_[down.source.id()], home_system().render(down.reason));
  });
  return {[this](const WatchVital& vital) {
    names_[vital.actor.id()] = vital.name;
    monitor(vital.actor);
  }};
}

void NodeWatch::on_exit() { failed_ = {}; }

}  // namespace troupe
