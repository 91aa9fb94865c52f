#include "runtime/control/refusals.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock/wall_clock.hpp"

namespace troupe::control {

void Refusals::report(std::string peer, std::string why) {
  const std::lock_guard lock(mutex_);
  ++count_;
  const auto now = clock::steady_now();
  const auto due = static_cast<std::uint64_t>((now - refilled_) / kPause);
  if (due > 0) {
    allowed_ = std::min(kMostAtOnce, allowed_ + due);
    refilled_ = now;
  }
  if (allowed_ == 0) {
    ++untold_;
    return;
  }
  --allowed_;
  if (tell_) tell_({std::move(peer), std::move(why), std::exchange(untold_, 0)});
}

std::uint64_t Refusals::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace troupe::control
