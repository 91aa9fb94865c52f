#include "actors/supervisor/restart_waits.hpp"

#include <algorithm>

#include "runtime/base/planted.hpp"

namespace troupe {

std::chrono::milliseconds RestartWaits::after(std::chrono::milliseconds lived) {
  if (lived >= kHealthy) next_ = kFirst;
  const auto wait = next_;
  if (!planted(Bug::kRestartStorm)) next_ = std::min(2 * next_, kLongest);
  return wait;
}

}  // namespace troupe
