// The connection between two nodes under a virtual clock: an actor that is, to each of them, the other.
//
// Promises: frames of one direction stay in order, as TCP keeps them; while any weather over it is cut nothing comes
// through, nobody is told and nothing is lost. What breaks a connection ends the actor: what was on the way is gone,
// and both sides hear of it by their monitors.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe::hunt {

/// What may go wrong with the connections of a node, or of a pair of nodes.
struct Weather {
  bool cut = false;
};

/// A frame on a wire is due.
struct FrameDue {};

using WireActor = FrameActor::extend<caf::reacts_to<FrameDue>>;

class Wire final : public exec::Actor<WireActor::base> {
 public:
  /// `delay` is asked for each frame; none: frames take no time.
  Wire(caf::actor_config& config, FrameActor a, FrameActor b, std::vector<std::shared_ptr<Weather>> weather,
       std::function<std::chrono::nanoseconds()> delay);
  const char* name() const override { return "wire"; }
  WireActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Direction {
    FrameActor to;
    TimePoint last_due;
    std::deque<std::pair<TimePoint, WireFrame>> frames;
  };

  void deliver();

  Direction there_, back_;
  FrameActor a_;
  std::vector<std::shared_ptr<Weather>> weather_;
  std::function<std::chrono::nanoseconds()> delay_;
};

}  // namespace troupe::hunt

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::hunt::FrameDue)
