// A node's metrics: what calls tell as they go, and the state of the machines when somebody looks.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "actors/gateway/gateway_options.hpp"
#include "actors/messages/cluster.hpp"
#include "runtime/metrics/server_metrics.hpp"

namespace troupe {

class NodeMetrics {
 public:
  explicit NodeMetrics(const std::string& model_name) : metrics_(model_name, {}) {}

  /// Functions that may outlive this object's owner: they share `metrics`.
  static CallObserver observer(const std::shared_ptr<NodeMetrics>& metrics);
  /// Prometheus text with the machines as they are in `cluster`.
  std::string exposition(const ClusterState& cluster);

 private:
  metrics::ServerMetrics metrics_;
  std::mutex mutex_;
  std::int64_t preemptions_ = 0;  // counted so far; guarded by mutex_
};

}  // namespace troupe
