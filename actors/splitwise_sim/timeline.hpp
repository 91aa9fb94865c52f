// The order of events.
// Owns: the events to come. Promises: releases one event at a time, in the order of EventHeap, and the next one only
// when no message that followed from it is under way; the virtual clock stands at the event's nanosecond meanwhile.
// Gives up when nothing is left but KV that is offered again and again to machines where nothing can happen any more.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
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
  /// Sees to a tick at the first event's time.
  void arm();
  void release(const Event& event);
  /// Passes over runs whose end was moved.
  void drop_void();
  Event pop();
  /// Whether all that is left was offered again since anything else happened, and found no room.
  bool nothing_can_change() const { return others_ == 0 && fruitless_ > events_.size(); }
  std::chrono::steady_clock::time_point time_of(const Event& event) const;

  std::shared_ptr<Cast> cast_;
  std::chrono::steady_clock::time_point begin_;
  EventHeap events_;
  std::vector<std::uint32_t> runs_;  // the latest of each machine
  // The earliest tick that is on its way; later ones are too late to matter when they come.
  std::optional<std::chrono::steady_clock::time_point> armed_;
  std::size_t others_ = 0;     // events to come that are not kRetry
  std::size_t fruitless_ = 0;  // kRetry in a row
};

}  // namespace troupe::splitwise_sim
