// A node's metrics: what calls tell as they go, and the state of the machines when somebody looks.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway/gateway_options.hpp"
#include "actors/messages/cluster.hpp"
#include "runtime/metrics/server_metrics.hpp"
#include "tools/troupe/event_log.hpp"

namespace troupe {

class NodeMetrics {
 public:
  /// `paths`: of the routes that answers are counted by.
  NodeMetrics(const std::string& model_name, std::vector<std::string> paths) : metrics_(model_name, std::move(paths)) {}

  /// Functions that may outlive this object's owner: they share `metrics` and `log`.
  static CallObserver observer(const std::shared_ptr<NodeMetrics>& metrics, const std::shared_ptr<EventLog>& log);
  /// An answer went out on the route with this path; empty where it met none.
  void http_answered(int status, std::string_view path) { metrics_.http_request(status, path); }
  /// Prometheus text with the machines as they are in `cluster`.
  std::string exposition(const ClusterState& cluster);

 private:
  metrics::ServerMetrics metrics_;
  std::mutex mutex_;
  std::int64_t preemptions_ = 0;  // counted so far; guarded by mutex_
};

}  // namespace troupe
