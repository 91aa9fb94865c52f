// All nodes of a cluster as processes on this host: starts them, merges what they say into one log, starts again who
// died, tells when the cluster serves, and stops them in order. One thread; everything waits in one poll.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/config/cluster_config.hpp"
#include "tools/troupe/up_log.hpp"
#include "tools/troupe/up_process.hpp"
#include "tools/troupe/up_stop.hpp"

namespace troupe {

class UpCluster {
 public:
  /// `command` makes a node's command line from its name.
  UpCluster(config::ClusterConfig cluster, std::function<ChildCommand(const std::string& name)> command, bool colour);

  /// Until a stop was asked for (stop_signals.hpp), every node has left, or one found fault with what it was told. The
  /// exit code: 0; 75 where something was cut; or that node's own.
  int run();

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Run {
    std::optional<NodeProcess> process;
    LineSplitter lines;
    Restarts restarts;
    std::optional<Time> start_at;
  };

  void start_due(Time now);
  void probe(Time now);
  void announce(Time now);
  void begin_stop(Time now, const std::string& why);
  void stop_step(Time now);
  void wait(Time now);
  void read_all();
  void reap_all(Time now);
  void take_line(std::size_t node, const std::string& line);
  void ended(std::size_t node, const Ending& ending, Time now);
  bool all_left() const;

  config::ClusterConfig cluster_;
  std::function<ChildCommand(const std::string& name)> command_;
  MergedLog log_;
  std::vector<Run> runs_;
  std::size_t front_ = 0;  ///< the first node that serves HTTP
  std::string url_;        ///< empty: not known yet
  bool ready_ = false;
  std::optional<std::size_t> machines_told_;
  Time begun_;
  Time probe_at_;
  std::optional<StopPlan> stop_;
  int exit_code_ = 0;
};

}  // namespace troupe
