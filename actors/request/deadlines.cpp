#include "actors/request/deadlines.hpp"

#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Deadlines::Deadlines(caf::actor_config& config) : Actor(config) {}

DeadlinesActor::behavior_type Deadlines::make_behavior() {
  return {
      [this](WatchDeadline& watch) {
        due_.emplace(watch.at, watch.request);
        watched_[watch.request] = std::move(watch);
        schedule();
      },
      [this](const ForgetDeadline& forget) {
        const auto found = watched_.find(forget.request);
        if (found == watched_.end()) return;
        const auto [first, last] = due_.equal_range(found->second.at);
        for (auto each = first; each != last; ++each) {
          if (each->second != forget.request) continue;
          due_.erase(each);
          break;
        }
        watched_.erase(found);
      },
      [this](const DeadlineTick&) { tick(); },
  };
}

void Deadlines::schedule() {
  if (ticking_ || due_.empty()) return;
  ticking_ = true;
  delayed_send(this, kTick, DeadlineTick{});
}

void Deadlines::tick() {
  ticking_ = false;
  rare(Rare::kSeveralDeadlines, due_.size() > 1 && std::next(due_.begin())->first <= now());
  while (!due_.empty() && due_.begin()->first <= now()) {
    const auto found = watched_.find(due_.begin()->second);
    due_.erase(due_.begin());
    send(found->second.whom, DeadlinePassed{});
    watched_.erase(found);
    if (planted(Bug::kForgottenDeadline)) return;
  }
  schedule();
}

}  // namespace troupe
