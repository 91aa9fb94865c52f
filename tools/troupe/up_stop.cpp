#include "tools/troupe/up_stop.hpp"

#include <signal.h>

namespace troupe {

StopPlan::StopPlan(const config::ClusterConfig& cluster, Time now)
    : drain_(cluster.shared.shutdown.drain_timeout), deadline_(now) {
  for (const config::NodeSection& node : cluster.nodes) serves_http_.push_back(node.http.has_value());
}

bool StopPlan::any(const std::vector<bool>& running, bool fronts) const {
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (running[i] && serves_http_[i] == fronts) return true;
  }
  return false;
}

std::vector<StopPlan::Order> StopPlan::next(Time now, const std::vector<bool>& running) {
  std::vector<Order> orders;
  const auto send = [&](bool fronts, int signal) {
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (running[i] && serves_http_[i] == fronts) orders.push_back({i, signal});
    }
  };
  if (stage_ == Stage::kBegin) {
    send(true, SIGTERM);
    stage_ = Stage::kFrontsDrain;
    deadline_ = now + drain_ + kGrace;
  }
  if (stage_ == Stage::kFrontsDrain && (!any(running, true) || now >= deadline_)) {
    send(true, SIGKILL);
    send(false, SIGTERM);
    stage_ = Stage::kOthersStop;
    deadline_ = now + kGrace;
  } else if (stage_ == Stage::kOthersStop && now >= deadline_) {
    send(true, SIGKILL);
    send(false, SIGKILL);
    stage_ = Stage::kKilled;
    deadline_ = Time::max();
  }
  return orders;
}

}  // namespace troupe
