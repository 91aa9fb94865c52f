#include "tools/hunt/replacement.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;

/// From a process's end to its next start, and from that to the next node's turn: it has met the others by then.
constexpr auto kAway = 300ms;
constexpr auto kBack = 1500ms;

}  // namespace

std::size_t Replacement::instead_of(std::size_t node, const Cluster& cluster) const {
  std::size_t other = 0;
  while (other < cluster.size() && (other == node || !cluster.options().nodes[other].calls || !cluster.alive(other)))
    ++other;
  CHECK(other < cluster.size(), "no other node takes calls", node);
  return other;
}

void Replacement::begin(Cluster& cluster) {
  current_ = Current{};
  current_->node = waiting_.front();
  current_->since = cluster.system.now();
  waiting_.pop_front();
  const auto& nodes = cluster.options().nodes;
  if (nodes[current_->node].machines.empty()) return;
  for (std::size_t front = 0; front < nodes.size(); ++front)
    if (nodes[front].routes && cluster.alive(front)) {
      cluster.change(nodes[current_->node].name, std::nullopt, true, front);
      return;
    }
}

bool Replacement::is_empty(Cluster& cluster, const std::vector<Played>& requests) const {
  const auto node = current_->node;
  const auto& name = cluster.options().nodes[node].name;
  if (std::any_of(requests.begin(), requests.end(),
                  [&](const Played& each) { return each.node == node && !*each.what.gone; }))
    return false;
  const auto state = cluster.ask(node);
  if (!state) return false;
  std::vector<std::string> mine;
  for (const auto& machine : state->machines) {
    if (machine.node != name) continue;
    mine.push_back(machine.name);
    const auto free = machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)];
    const auto work =
        machine.prompts.waiting + machine.prompts.running + machine.tokens.waiting + machine.tokens.running;
    if (!machine.draining || free != machine.blocks.total || work > 0) return false;
  }
  // A prompt that another machine has not asked for yet is known to the routers alone.
  for (std::size_t front = 0; front < cluster.size(); ++front) {
    if (!cluster.alive(front) || !cluster.router(front)) continue;
    const auto loads = cluster.loads(front);
    for (const auto& machine : loads ? loads->machines : std::vector<MachineLoad>{})
      if (std::find(mine.begin(), mine.end(), machine.name) != mine.end() &&
          machine.view.pending_prompts + machine.view.running + machine.view.pending_tokens > 0)
        return false;
  }
  return true;
}

std::optional<std::string> Replacement::look(Cluster& cluster, const std::vector<Played>& requests,
                                             std::uint64_t retries) {
  if (!current_) {
    if (waiting_.empty()) return std::nullopt;
    begin(cluster);
    current_->retries = retries;
  }
  const auto now = cluster.system.now();
  auto& current = *current_;
  if (current.stopped) {
    if (!cluster.alive(current.node) && now - *current.stopped >= kAway) {
      cluster.start(current.node);
      if (retries > current.retries)
        return "node " + cluster.options().nodes[current.node].name +
               " was drained before it was stopped, and requests made " + std::to_string(retries - current.retries) +
               " attempts more";
    }
    if (now - *current.stopped >= kAway + kBack) current_.reset();
    return std::nullopt;
  }
  current.empty_looks = is_empty(cluster, requests) ? current.empty_looks + 1 : 0;
  if (current.empty_looks == 2) {
    cluster.kill(current.node);
    current.stopped = now;
  } else if (now - current.since > kMostDrain) {
    const auto node = current.node;
    current_.reset();
    return "node " + cluster.options().nodes[node].name + " drains, and has something to do after " +
           std::to_string(kMostDrain / 1s) + " s";
  }
  return std::nullopt;
}

}  // namespace troupe::hunt
