#include "tools/hunt/invariants.hpp"

#include <algorithm>
#include <utility>

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;

/// What a request must come to where nothing cuts it short.
struct Right {
  std::vector<TokenId> tokens;
  std::string text;
  FinishReason reason = FinishReason::kLength;
};

Right right_answer(const RequestSpec& spec) {
  Right right;
  right.tokens = expected(spec);
  for (const auto token : right.tokens) right.text += static_cast<char>('a' + token);
  auto end = std::string::npos;
  std::size_t text = right.text.size();
  for (const auto& stop : spec.stop) {
    const auto at = right.text.find(stop);
    if (at == std::string::npos || at + stop.size() >= end) continue;
    end = at + stop.size();
    text = at;
  }
  if (end == std::string::npos) return right;
  right.tokens.resize(end);
  right.text.resize(text);
  right.reason = FinishReason::kStop;
  return right;
}

std::string words(const std::vector<TokenId>& tokens) {
  std::string text;
  for (const auto token : tokens) text += token >= 0 && token < kLetters ? static_cast<char>('a' + token) : '?';
  return '"' + text + '"';
}

template <class List>
bool begins(const List& with, const List& whole) {
  return with.size() <= whole.size() && std::equal(with.begin(), with.end(), whole.begin());
}

class Judge {
 public:
  Judge(const Played& request, std::vector<Violation>& violations)
      : request_(request), violations_(violations), right_(right_answer(*request.what.spec)) {}

  void judge() {
    const auto& answer = *request_.what.answer;
    if (!answer.contiguous) wrong("S3", "got tokens that do not continue those before them");
    if (answer.after_end > 0) wrong("S3", "got " + std::to_string(answer.after_end) + " tokens after its end");
    if (!begins(answer.tokens, right_.tokens))
      wrong("S2", "got " + words(answer.tokens) + ", and without faults it gets " + words(right_.tokens));
    if (answer.ends.size() > 1) wrong("S1", "ended " + std::to_string(answer.ends.size()) + " times");
    if (!request_.home_died && !*request_.what.gone) wrong("S4", "is still there as an actor");
    if (request_.home_died || request_.client_gone || answer.ends.empty()) return;
    judge_end(answer.ends.front());
  }

 private:
  void wrong(const std::string& invariant, const std::string& what) {
    violations_.push_back({invariant, who(request_) + " " + what, request_.what.spec->id});
  }

  void judge_end(const RequestEnded& end) {
    const auto& answer = *request_.what.answer;
    const auto& spec = *request_.what.spec;
    if (end.prompt_tokens != static_cast<std::int32_t>(spec.prompt.size()) ||
        end.generated_tokens != static_cast<std::int32_t>(answer.tokens.size()))
      wrong("S8", "is told of " + std::to_string(end.prompt_tokens) + " + " + std::to_string(end.generated_tokens) +
                      " tokens, and had " + std::to_string(spec.prompt.size()) + " + " +
                      std::to_string(answer.tokens.size()));
    if (!request_.home_stalled && answer.ended_at.front() - kMostPastDeadline > spec.deadline)
      wrong("S1", "ended long after its deadline");
    switch (end.reason) {
      case FinishReason::kLength:
      case FinishReason::kStop:
        if (end.reason != right_.reason || answer.tokens != right_.tokens || answer.text != right_.text)
          wrong("S2", std::string("ended by \"") + to_string(end.reason) + "\" with \"" + answer.text +
                          "\", and without faults by \"" + to_string(right_.reason) + "\" with \"" + right_.text + '"');
        return;
      case FinishReason::kCancelled:
        if (!request_.cancelled) wrong("S1", "was cancelled, and nobody asked for that");
        return;
      case FinishReason::kError:
        if (!excused(end, answer.ended_at.front()))
          wrong("S2", "was given up without need: " + (end.error ? end.error->message : "no error"));
        return;
    }
  }

  bool excused(const RequestEnded& end, TimePoint at) const {
    if (!end.error) return false;
    if (end.error->code == ErrorCode::kDeadline) return at >= request_.what.spec->deadline;
    if (end.error->code != ErrorCode::kUnavailable) return false;
    return request_.isolated || request_.began - request_.home_started < kFirstMeeting;
  }

  const Played& request_;
  std::vector<Violation>& violations_;
  Right right_;
};

void check_machine(const MachineState& machine, std::vector<Violation>& violations) {
  const auto wrong = [&](const std::string& what) {
    violations.push_back({"S4", "machine " + machine.name + " of node " + machine.node + " " + what});
  };
  if (!machine.alive) return;
  const auto free = machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)];
  if (free != machine.blocks.total)
    wrong("has " + std::to_string(machine.blocks.total - free) + " blocks that are not free");
  if (machine.blocks.leases != 0) wrong("has " + std::to_string(machine.blocks.leases) + " leases");
  if (const auto left = machine.prompts.waiting + machine.prompts.running; left != 0)
    wrong("still has " + std::to_string(left) + " prompts");
  if (const auto left = machine.tokens.waiting + machine.tokens.running; left != 0)
    wrong("still has " + std::to_string(left) + " sequences");
}

void check_router(Cluster& cluster, std::size_t node, std::vector<Violation>& violations) {
  const auto& name = cluster.options().nodes[node].name;
  const auto loads = cluster.loads(node);
  if (!loads) {
    violations.push_back({"S4", "the router of node " + name + " does not answer"});
    return;
  }
  for (const auto& machine : loads->machines) {
    const auto& view = machine.view;
    if (view.pending_prompt_tokens == 0 && view.pending_prompts == 0 && view.running == 0 && view.pending_tokens == 0 &&
        view.awaited_prompt_tokens == 0)
      continue;
    violations.push_back({"S4", "the router of node " + name + " still counts work on machine " + machine.name + ": " +
                                    std::to_string(view.pending_prompts) + " prompts, " + std::to_string(view.running) +
                                    " sequences, " + std::to_string(view.pending_tokens) + " tokens"});
  }
}

void check_sessions(Cluster& cluster, std::size_t node, const ClusterState& state, std::vector<Violation>& violations) {
  const auto& nodes = cluster.options().nodes;
  for (std::size_t other = 0; other < nodes.size(); ++other) {
    if (other == node || !cluster.alive(other)) continue;
    const auto& view = state.nodes.at(other);
    if (view.state != "connected")
      violations.push_back({"L1", "node " + nodes[node].name + " has no session with node " + view.name});
  }
  for (const auto& peer : cluster.without_path(node))
    violations.push_back({"L1", "node " + nodes[node].name + " has a session with node " + peer +
                                    " and no path for KV: nothing is split between them"});
}

}  // namespace

std::string who(const Played& request) {
  return std::string(request.probe ? "probe " : "request ") + std::to_string(request.number + 1) + " (id " +
         std::to_string(request.what.spec->id.value) + ", at node " + std::to_string(request.node) + ")";
}

void check_requests(const std::vector<Played>& requests, std::vector<Violation>& violations) {
  for (const auto& request : requests) Judge(request, violations).judge();
}

void check_orders(Cluster& cluster, std::vector<Violation>& violations) {
  const auto& nodes = cluster.options().nodes;
  auto role = policies::Role::kPrompt;
  for (std::size_t front = 0; front < nodes.size(); ++front) {
    if (!nodes[front].routes || !cluster.alive(front)) continue;
    for (std::size_t owner = 0; owner < nodes.size(); ++owner)
      if (!nodes[owner].machines.empty() && cluster.alive(owner)) cluster.change(nodes[owner].name, role, false, front);
    cluster.pass(200ms);
    for (std::size_t asked = 0; asked < nodes.size(); ++asked) {
      if (!cluster.alive(asked)) continue;
      const auto state = cluster.ask(asked);
      if (!state) continue;
      for (const auto& machine : state->machines)
        if (machine.alive && (machine.role != role || machine.draining))
          violations.push_back({"S10", "node " + nodes[asked].name + " takes machine " + machine.name + " for " +
                                           to_string(machine.role) + (machine.draining ? " and draining" : "") +
                                           ", and the last order, of " + nodes[front].name + ", made it " +
                                           to_string(role) + " and let it serve"});
    }
    role = policies::Role::kToken;
  }
}

void check_nodes(Cluster& cluster, const std::vector<std::size_t>& losses, std::vector<Violation>& violations) {
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.alive(i)) continue;
    const auto& name = cluster.options().nodes[i].name;
    const auto state = cluster.ask(i);
    if (!state) {
      violations.push_back({"S4", "node " + name + " does not answer"});
      continue;
    }
    std::size_t lost = 0;
    for (const auto& machine : state->machines) {
      if (machine.node != name) continue;
      check_machine(machine, violations);
      lost += machine.alive ? 0 : 1;
    }
    if (lost > losses.at(i))
      violations.push_back({"S4", "node " + name + " has lost " + std::to_string(lost) + " machines, and " +
                                      std::to_string(losses[i]) + " of its machines' actors were ended"});
    check_sessions(cluster, i, *state, violations);
    if (cluster.router(i)) check_router(cluster, i, violations);
  }
}

}  // namespace troupe::hunt
