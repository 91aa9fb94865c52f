#include "actors/splitwise_sim/timeline.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::splitwise_sim {

Timeline::Timeline(caf::actor_config& config, std::shared_ptr<Cast> cast, const std::vector<RequestFacts>& arrivals,
                   std::size_t machines)
    : Actor(config), cast_(std::move(cast)), begin_(now()), runs_(machines, 0) {
  for (const auto& facts : arrivals) events_.push({facts.arrived, EventKind::kArrival, 0, facts.request});
  others_ = arrivals.size();
}

TimelineActor::behavior_type Timeline::make_behavior() {
  return {
      [this](const TimelineTick&) { tick(); },
      [this](const ScheduleEvent& schedule) {
        const Event& event = schedule.event;
        if (event.kind == EventKind::kRunEnd) runs_[event.machine] = event.number;
        if (event.kind != EventKind::kRetry) ++others_;
        events_.push(event);
        arm();
      },
  };
}

/// A tick comes from the clock, which delivers what is due only when no actor is ready: by then all that followed from
/// the event before has been said.
void Timeline::tick() {
  if (armed_ && *armed_ > now()) return;
  armed_.reset();
  drop_void();
  if (events_.empty() || nothing_can_change()) return;
  if (time_of(events_.top()) <= now()) release(pop());
  arm();
}

void Timeline::arm() {
  if (events_.empty()) return;
  const auto due = std::max(time_of(events_.top()), now());
  if (armed_ && *armed_ <= due) return;
  armed_ = due;
  scheduled_send(TimelineActor{this}, due, TimelineTick{});
}

void Timeline::release(const Event& event) {
  ++cast_->released;
  fruitless_ = event.kind == EventKind::kRetry ? fruitless_ + 1 : 0;
  if (event.kind == EventKind::kArrival)
    send(cast_->cluster, EventDue{event});
  else
    send(cast_->machines[event.machine], EventDue{event});
}

void Timeline::drop_void() {
  while (!events_.empty() && events_.top().kind == EventKind::kRunEnd &&
         events_.top().number != runs_[events_.top().machine])
    pop();
}

Event Timeline::pop() {
  if (events_.top().kind != EventKind::kRetry) --others_;
  return events_.pop();
}

std::chrono::steady_clock::time_point Timeline::time_of(const Event& event) const {
  constexpr double kLast = 9e9;  // seconds: what nanoseconds in 64 bits can tell
  return begin_ + std::chrono::nanoseconds(std::llround(std::min(event.at, kLast) * 1e9));
}

}  // namespace troupe::splitwise_sim
