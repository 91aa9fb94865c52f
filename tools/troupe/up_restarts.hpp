// What follows when a node's process ends: start it again after a wait, let it be, or give the cluster up. No clocks,
// no processes.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "actors/supervisor/restart_waits.hpp"

namespace troupe {

/// How a process ended.
struct Ending {
  bool by_signal = false;
  int number = 0;                     ///< the exit code or the signal
  std::chrono::milliseconds lived{};  ///< since it was started
};

/// "exited with 70 (internal failure)", "was killed by signal 9 (Killed)"
std::string described(const Ending& ending);

struct AfterEnd {
  /// Start the node again after this long; nothing: it is not started again.
  std::optional<std::chrono::milliseconds> start_in;
  /// Stop every node and exit with this code.
  std::optional<int> give_up_with;
};

/// One for each node.
class Restarts {
 public:
  static constexpr std::chrono::milliseconds kFirstWait = RestartWaits::kFirst;
  static constexpr std::chrono::milliseconds kLongestWait = RestartWaits::kLongest;
  static constexpr std::chrono::milliseconds kHealthy = RestartWaits::kHealthy;

  /// A node that left in order (exit code 0) was told to and is let be. One whose first process finds fault with what
  /// it was told (usage, data, a missing file, configuration) would find it again: the cluster is given up.
  AfterEnd after(const Ending& ending);

 private:
  bool first_ = true;
  RestartWaits waits_;
};

}  // namespace troupe
