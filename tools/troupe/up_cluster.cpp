#include "tools/troupe/up_cluster.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "runtime/clock/wall_clock.hpp"
#include "tools/troupe/check_cluster.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/service_manager.hpp"
#include "tools/troupe/stop_signals.hpp"
#include "tools/troupe/up_ready.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeEvery{200};
/// An end whose pipe is still held open by somebody is seen by this at the latest.
constexpr milliseconds kLongestWait{500};
/// Between a process's last output and the moment that it can be reaped.
constexpr milliseconds kReapWait{5};

std::vector<std::string> names_of(const config::ClusterConfig& cluster) {
  std::vector<std::string> names;
  for (const config::NodeSection& node : cluster.nodes) names.push_back(node.name);
  return names;
}

std::string seconds(std::chrono::steady_clock::duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

/// As the node that serves it calls the model where the configuration gives no name.
std::string model_name(const config::ModelSection& model) {
  if (!model.names.empty()) return model.names.front();
  const auto path = std::filesystem::weakly_canonical(model.path);
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

}  // namespace

UpCluster::UpCluster(config::ClusterConfig cluster, std::function<ChildCommand(const std::string& name)> command,
                     bool colour)
    : cluster_(std::move(cluster)),
      command_(std::move(command)),
      log_(names_of(cluster_), colour),
      runs_(cluster_.nodes.size()),
      begun_(clock::steady_now()),
      probe_at_(begun_ + kProbeEvery) {
  const auto front = std::find_if(cluster_.nodes.begin(), cluster_.nodes.end(),
                                  [](const config::NodeSection& node) { return node.http.has_value(); });
  CHECK(front != cluster_.nodes.end(), cluster_.name);
  front_ = static_cast<std::size_t>(front - cluster_.nodes.begin());
  if (front->http->port != 0) url_ = http_url(*front->http);
  for (Run& run : runs_) run.start_at = begun_;
}

int UpCluster::run() {
  for (;;) {
    const Time now = clock::steady_now();
    if (stop_requested() && !stop_) begin_stop(now, "stopping; Ctrl-C again ends everything at once");
    if (stop_) {
      stop_step(now);
      if (all_left()) break;
    } else {
      start_due(now);
      if (all_left()) break;
      probe(now);
    }
    wait(clock::steady_now());
    read_all();
    reap_all(clock::steady_now());
  }
  log_.say(exit_code_ == kExitOk ? "all nodes have stopped" : "all nodes have ended; not all in order");
  return exit_code_;
}

bool UpCluster::all_left() const {
  return std::none_of(runs_.begin(), runs_.end(), [](const Run& run) { return run.process || run.start_at; });
}

void UpCluster::start_due(Time now) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    if (!run.start_at || now < *run.start_at) continue;
    run.start_at.reset();
    auto process = NodeProcess::start(command_(cluster_.nodes[i].name));
    if (!process.ok()) {
      log_.say(cluster_.nodes[i].name + " cannot be started: " + process.error().message);
      run.start_at = now + Restarts::kLongestWait;
      continue;
    }
    run.process = std::move(process).value();
    if (i == front_ && cluster_.nodes[i].http->port == 0) url_.clear();
  }
}

void UpCluster::probe(Time now) {
  if (ready_ || url_.empty() || now < probe_at_ || !runs_[front_].process) return;
  const Readiness readiness = ask_readiness(url_);
  probe_at_ = clock::steady_now() + kProbeEvery;
  if (!readiness.answers) return;
  const std::size_t expected = cluster_.machine_count();
  if (readiness.machines && *readiness.machines < expected) {
    if (readiness.machines != machines_told_) {
      log_.say(std::to_string(*readiness.machines) + " of " + std::to_string(expected) + " machines serve");
    }
    machines_told_ = readiness.machines;
    return;
  }
  announce(now);
}

void UpCluster::announce(Time now) {
  ready_ = true;
  log_.say("ready after " + seconds(now - begun_) + ": " + url_ + "/v1   try: curl " + url_ +
           "/v1/chat/completions -H 'content-type: application/json' -d '{\"model\": \"" +
           model_name(cluster_.shared.model) + "\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'");
  notify_service_manager("READY=1");
}

void UpCluster::begin_stop(Time now, const std::string& why) {
  notify_service_manager("STOPPING=1");
  log_.say(why);
  for (Run& run : runs_) run.start_at.reset();
  stop_.emplace(cluster_, now);
}

void UpCluster::stop_step(Time now) {
  std::vector<bool> running;
  for (const Run& run : runs_) running.push_back(run.process.has_value());
  for (const StopPlan::Order& order : stop_->next(now, running)) {
    if (order.signal == SIGKILL) log_.say(cluster_.nodes[order.node].name + " did not stop in time and is killed");
    runs_[order.node].process->send(order.signal);
  }
}

void UpCluster::wait(Time now) {
  Time until = now + kLongestWait;
  std::vector<pollfd> waited;
  // Once the stop has begun its pipe stays readable.
  if (!stop_) waited.push_back({stop_fd(), POLLIN, 0});
  for (const Run& run : runs_) {
    if (run.start_at) until = std::min(until, *run.start_at);
    if (!run.process) continue;
    if (run.process->output() >= 0) {
      waited.push_back({run.process->output(), POLLIN, 0});
    } else {
      until = std::min(until, now + kReapWait);
    }
  }
  if (stop_) until = std::min(until, stop_->wake_at());
  if (!stop_ && !ready_ && !url_.empty()) until = std::min(until, std::max(probe_at_, now + milliseconds(1)));
  const auto rest = std::max(until - now, Time::duration::zero());
  ::poll(waited.data(), waited.size(), static_cast<int>(std::chrono::ceil<milliseconds>(rest).count()));
}

void UpCluster::read_all() {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!runs_[i].process) continue;
    for (const std::string& line : runs_[i].lines.feed(runs_[i].process->read_output())) take_line(i, line);
  }
}

void UpCluster::take_line(std::size_t node, const std::string& line) {
  log_.write(node, line);
  if (node == front_ && url_.empty()) url_ = url_in_line(line).value_or("");
}

void UpCluster::reap_all(Time now) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!runs_[i].process) continue;
    if (const auto ending = runs_[i].process->reap()) ended(i, *ending, now);
  }
}

void UpCluster::ended(std::size_t node, const Ending& ending, Time now) {
  Run& run = runs_[node];
  // What it wrote last may still be in the pipe.
  for (std::string bytes = run.process->read_output(); !bytes.empty(); bytes = run.process->read_output())
    for (const std::string& line : run.lines.feed(bytes)) take_line(node, line);
  for (const std::string& line : run.lines.rest()) take_line(node, line);
  run.process.reset();
  const std::string what = cluster_.nodes[node].name + ' ' + described(ending);
  if (node == front_) ready_ = false;
  if (stop_) {
    const bool asked_to = ending.by_signal && ending.number == SIGTERM;  // while it was still loading
    if (!asked_to && (ending.by_signal || ending.number != kExitOk)) {
      log_.say(what);
      if (exit_code_ == kExitOk) exit_code_ = kExitTemporary;
    }
    return;
  }
  const AfterEnd after = run.restarts.after(ending);
  if (after.give_up_with) {
    exit_code_ = *after.give_up_with;
    return begin_stop(now, what + ": starting it again would not help, so all nodes are stopped");
  }
  if (!after.start_in) return log_.say(what + ": it left in order and is not started again");
  log_.say(what + " after " + seconds(ending.lived) + "; it is started again in " + seconds(*after.start_in));
  run.start_at = now + *after.start_in;
}

}  // namespace troupe
