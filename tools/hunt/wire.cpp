#include "tools/hunt/wire.hpp"

#include <algorithm>
#include <utility>

namespace troupe::hunt {

Wire::Wire(caf::actor_config& config, FrameActor a, FrameActor b, std::vector<std::shared_ptr<Weather>> weather,
           std::function<std::chrono::nanoseconds()> delay)
    : Actor(config),
      there_{b, {}, {}},
      back_{a, {}, {}},
      a_(std::move(a)),
      weather_(std::move(weather)),
      delay_(std::move(delay)) {}

WireActor::behavior_type Wire::make_behavior() {
  return {[this](WireFrame& frame) {
            auto& way = caf::actor_cast<FrameActor>(current_sender()) == a_ ? there_ : back_;
            const auto takes = delay_ ? delay_() : std::chrono::nanoseconds{};
            way.last_due = std::max(way.last_due, now() + takes);
            way.frames.emplace_back(way.last_due, std::move(frame));
            if (way.last_due > now()) delayed_send(WireActor{this}, way.last_due - now(), FrameDue{});
            deliver();
          },
          [this](const FrameDue&) { deliver(); }};
}

void Wire::deliver() {
  if (std::any_of(weather_.begin(), weather_.end(), [](const auto& each) { return each->cut; })) return;
  for (auto* const way : {&there_, &back_})
    while (!way->frames.empty() && way->frames.front().first <= now()) {
      send(way->to, std::move(way->frames.front().second));
      way->frames.pop_front();
    }
}

void Wire::on_exit() {
  a_ = nullptr;
  there_ = {};
  back_ = {};
}

}  // namespace troupe::hunt
