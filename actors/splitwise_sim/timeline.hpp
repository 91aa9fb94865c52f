// The order of events.
// Owns: the events to come. Promises: releases one event at a time, in the order of EventHeap, and the next one only
// when no message that followed from it is under way; the virtual clock stands at the event's nanosecond meanwhile.
// Refuses: nothing.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "actors/splitwise_sim/messages.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe::splitwise_sim {

class Timeline final : public exec::Actor<TimelineActor::base> {
 public:
  /// `arrivals` are scheduled before everything else, in their order.
  Timeline(caf::actor_config& config, std::shared_ptr<Cast> cast, const std::vector<RequestFacts>& arrivals,
           std::size_t machines);
  const char* name() const override { return "timeline"; }

 protected:
  TimelineActor::behavior_type make_behavior() override;
  void on_exit() override { cast_.reset(); }

 private:
  void tick();
  void release(const Event& event);
  /// Passes over runs whose end was moved.
  void drop_void();
  std::chrono::steady_clock::time_point time_of(const Event& event) const;

  std::shared_ptr<Cast> cast_;
  std::chrono::steady_clock::time_point begin_;
  EventHeap events_;
  std::vector<std::uint32_t> runs_;  // the latest of each machine
};

}  // namespace troupe::splitwise_sim
