#include "runtime/exec/later.hpp"

#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace troupe::exec {

RunAfter run_after(const LaterActor& later) {
  return
      [weak = caf::actor_cast<caf::weak_actor_ptr>(later)](std::chrono::nanoseconds after, std::function<void()> what) {
        const auto strong = caf::actor_cast<LaterActor>(weak.lock());
        if (!strong) return;
        if (after.count() <= 0) {
          caf::anon_send(strong, RunLater{std::move(what)});
        } else {
          caf::delayed_anon_send(strong, after, RunLater{std::move(what)});
        }
      };
}

}  // namespace troupe::exec
