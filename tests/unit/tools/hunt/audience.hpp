// Knows the actors of a test by their names, and ends them.
#pragma once

#include <string>

#include <caf/send.hpp>

#include "runtime/trace/hook.hpp"
#include "tools/hunt/players.hpp"

namespace troupe::hunt {

/// Watches what actors handle for as long as it lives; one at a time in a process.
class Audience final : public trace::Watcher {
 public:
  Audience() { trace::watching = this; }
  ~Audience() override { trace::watching = nullptr; }
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  void handles(caf::actor_id, const char*, const caf::mailbox_element& element, const caf::actor_clock&) override {
    players.saw(element);
  }

  /// Ends the first of that name; false where there is none.
  bool end(const std::string& name) const {
    const auto found = players.named(name);
    if (!found.empty()) caf::anon_send_exit(found.front(), caf::exit_reason::unhandled_exception);
    return !found.empty();
  }

  Players players;
};

}  // namespace troupe::hunt
