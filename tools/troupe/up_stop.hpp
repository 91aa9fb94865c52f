// In which order a cluster's nodes are stopped: those that serve HTTP first, so that what they admitted can finish on
// machines that are still there; then the others; then, by force, who is left. No clocks, no processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "runtime/config/cluster_config.hpp"

namespace troupe {

class StopPlan {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Beyond shutdown.drain_timeout, for last words to clients; then for each node that has nothing left to drain.
  static constexpr std::chrono::milliseconds kGrace{5'000};

  StopPlan(const config::ClusterConfig& cluster, Time now);

  struct Order {
    std::size_t node = 0;
    int signal = 0;
  };
  /// What to send now; `running` has one entry a node. Ask again when a node has ended, and at wake_at().
  std::vector<Order> next(Time now, const std::vector<bool>& running);

  Time wake_at() const { return deadline_; }

 private:
  enum class Stage { kBegin, kFrontsDrain, kOthersStop, kKilled };
  bool any(const std::vector<bool>& running, bool fronts) const;

  std::vector<bool> serves_http_;
  std::chrono::milliseconds drain_;
  Stage stage_ = Stage::kBegin;
  Time deadline_;
};

}  // namespace troupe
