#include "tools/hunt/players.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/local_actor.hpp>

namespace troupe::hunt {

void Players::saw(const caf::mailbox_element& element) {
  if (!element.sender || players_.contains(element.sender->id())) return;
  const auto* const actor = dynamic_cast<const caf::local_actor*>(element.sender->get());
  players_[element.sender->id()] = {actor != nullptr ? actor->name() : "",
                                    caf::actor_cast<caf::weak_actor_ptr>(element.sender)};
}

std::vector<caf::strong_actor_ptr> Players::named(std::string_view name) const {
  std::vector<caf::strong_actor_ptr> found;
  for (const auto& [id, player] : players_) {
    if (player.name != name) continue;
    auto actor = player.actor.lock();
    if (actor && !actor->get()->getf(caf::abstract_actor::is_terminated_flag)) found.push_back(std::move(actor));
  }
  return found;
}

}  // namespace troupe::hunt
