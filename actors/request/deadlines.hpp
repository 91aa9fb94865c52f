// The deadlines of a node's requests.
// Owns: which request is due when. Promises: a request hears DeadlinePassed at most kTick late, unless it was forgotten
// before. An actor of its own because CAF 0.17 can neither cancel a delayed message nor let go of the actor that it is
// for.
#pragma once

#include <chrono>
#include <map>
#include <unordered_map>

#include "actors/messages/routing.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Deadlines final : public exec::Actor<DeadlinesActor::base> {
 public:
  static constexpr std::chrono::milliseconds kTick{100};

  explicit Deadlines(caf::actor_config& config);
  const char* name() const override { return "deadlines"; }

 protected:
  DeadlinesActor::behavior_type make_behavior() override;
  void on_exit() override { watched_.clear(); }

 private:
  void tick();
  void schedule();

  std::unordered_map<RequestId, WatchDeadline> watched_;
  std::multimap<TimePoint, RequestId> due_;
  bool ticking_ = false;
};

}  // namespace troupe
