// How long to wait before a node's process is started again. No clocks, no processes.
#pragma once

#include <chrono>

namespace troupe {

/// One for each node. Promises: who ends again and again is started ever later, up to kLongest; who lived for kHealthy
/// had come up, and is waited for as if it ended for the first time.
class RestartWaits {
 public:
  static constexpr std::chrono::milliseconds kFirst{200};
  static constexpr std::chrono::milliseconds kLongest{10'000};
  static constexpr std::chrono::milliseconds kHealthy{30'000};

  /// `lived`: from the start of the process that has just ended to its end.
  std::chrono::milliseconds after(std::chrono::milliseconds lived);

 private:
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace troupe
