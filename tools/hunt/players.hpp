// The actors of a run, by their names: whom a fault may end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/mailbox_element.hpp>

namespace troupe::hunt {

/// Promises: knows each actor that has sent something as itself, from the moment that this is handled; the same run has
/// the same actors in the same order. Holds none of them.
class Players {
 public:
  void saw(const caf::mailbox_element& element);
  /// Those of that name that have not ended, by age.
  std::vector<caf::strong_actor_ptr> named(std::string_view name) const;

 private:
  struct Player {
    std::string name;
    caf::weak_actor_ptr actor;
  };
  std::map<caf::actor_id, Player> players_;
};

}  // namespace troupe::hunt
