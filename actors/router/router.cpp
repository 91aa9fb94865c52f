#include "actors/router/router.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Router::Router(caf::actor_config& config, RouterLimits limits, RoutingPolicyActor policy)
    : Actor(config), limits_(limits), policy_(std::move(policy)) {}

RouterActor::behavior_type Router::make_behavior() {
  link_to(policy_);
  return {
      [this](RouteRequest& request) { on(request); },
      [this](AdoptRequest& adopt) { on(adopt); },
      [this](const PromptPhaseDone& done) { on(done); },
      [this](const RequestLeft& left) { on(left); },
      [this](MachineJoined& joined) {
        policies::MachineView load;
        load.id = joined.machine;
        load.role = joined.role;
        load.kv_positions = joined.kv_positions();
        load.node = joined.node;
        const auto id = joined.machine;
        machines_[id] = {std::move(joined), load};
        machines_changed_ = true;
        machines_differ_ = true;
        // Requests may be known before their machine is, and those of an earlier life of it have yet to leave.
        for (const auto& [request, assigned] : assigned_) {
          rare(Rare::kJoinedLater, assigned.prompt_machine == id || assigned.token_machine == id);
          weigh(assigned, 1, [id](MachineId machine) { return machine == id; });
        }
      },
      [this](const MachineLeft& left) { on(left); },
      [this](const MachineChanged& changed) {
        const auto machine = machines_.find(changed.machine);
        if (machine == machines_.end()) return;
        if (machine->second.load.role != changed.role) machine->second.what.role_since = now();
        machine->second.load.role = changed.role;
        machine->second.what.draining = changed.draining;
        machine->second.what.home = changed.home;
        machines_differ_ = true;
      },
      [this](const KvRoomHeard& heard) {
        if (!machines_.contains(heard.machine)) return;
        measured_.on(heard);
        outdated(heard.machine);
      },
      [this](const LinkMeasured& measured) { measured_.on(measured); },
      [this](const RouteDecided& decided) { on(decided); },
      [this](const QueryLoad&) { return loads(); },
  };
}

void Router::on_exit() {
  machines_.clear();
  snapshot_.reset();
  assigned_.clear();
  undecided_.clear();
}

void Router::on(RouteRequest& request) {
  survey();
  forget(request.request);  // another router may have been asked meanwhile
  if (auto error = why_not(request)) {
    send(request.reply_to, RouteRefused{request.request, request.attempt, std::move(*error)});
    return;
  }
  undecided_.push_back(std::move(request));
  if (undecided_.size() == 1) decide_next();
}

std::optional<Error> Router::why_not(const RouteRequest& request) const {
  if (machines_.empty())
    return Error{ErrorCode::kUnavailable, "No machine serves at the moment; try again in a few seconds."};
  const auto queued = waiting_ + static_cast<std::int32_t>(undecided_.size());
  if (queued >= limits_.max_waiting)
    return Error{ErrorCode::kOverloaded, std::to_string(queued) +
                                             " requests wait already, as many as may (scheduling.max_waiting); "
                                             "try again in a few seconds."};
  const std::int64_t wanted = std::int64_t{request.prompt_tokens} + request.max_tokens - 1;
  if (wanted > largest_)
    return Error{ErrorCode::kTooLarge, "Prompt and max_tokens together need KV for " + std::to_string(wanted) +
                                           " positions; the largest machine has " + std::to_string(largest_) +
                                           ". Lower max_tokens, or give the server more KV memory (--kv-memory)."};
  return std::nullopt;
}

void Router::decide_next() {
  survey();
  // Machines may have left since the requests were let in.
  while (!undecided_.empty()) {
    auto& waiting = undecided_.front();
    auto error = why_not(waiting);
    if (!error || error->code == ErrorCode::kOverloaded) break;
    send(waiting.reply_to, RouteRefused{waiting.request, waiting.attempt, std::move(*error)});
    undecided_.pop_front();
  }
  if (undecided_.empty()) return;
  machines_changed_ = false;
  send(policy_, DecideRoute{snapshot_for(undecided_.front()), RouterActor{this}});
}

std::shared_ptr<const policies::RoutingSnapshot> Router::snapshot_for(const RouteRequest& request) {
  const std::int64_t wanted_positions = std::int64_t{request.prompt_tokens} + request.max_tokens - 1;
  const bool takes_all = request.avoid.empty() && !any_drains_ && wanted_positions <= smallest_;
  // Whoever still reads the last one keeps it. With many machines a request changes few of them: what it costs to tell
  // the policy of all must not grow with their number.
  if (!takes_all || !snapshot_ || snapshot_.use_count() > 1) {
    auto snapshot = std::make_shared<policies::RoutingSnapshot>();
    fill(*snapshot, request);
    snapshot_ = takes_all ? snapshot : nullptr;
    outdated_.clear();
    return snapshot;
  }
  for (const MachineId id : outdated_) {
    const auto place = std::lower_bound(snapshot_->machines.begin(), snapshot_->machines.end(), id,
                                        [](const auto& view, MachineId each) { return view.id < each; });
    *place = machines_.at(id).load;
    measured_.show(*place);
  }
  outdated_.clear();
  snapshot_->request = request.request;
  snapshot_->attempt = request.attempt;
  snapshot_->prompt_tokens = request.prompt_tokens;
  snapshot_->max_tokens = request.max_tokens;
  snapshot_->links = measured_.links();
  return snapshot_;
}

void Router::fill(policies::RoutingSnapshot& snapshot, const RouteRequest& request) const {
  snapshot.request = request.request;
  snapshot.attempt = request.attempt;
  snapshot.prompt_tokens = request.prompt_tokens;
  snapshot.max_tokens = request.max_tokens;
  const std::int64_t wanted_positions = std::int64_t{request.prompt_tokens} + request.max_tokens - 1;
  // What is avoided is taken where nothing else is left, and what drains where even that is not there.
  const auto avoided = [&](MachineId id) {
    return std::find(request.avoid.begin(), request.avoid.end(), id) != request.avoid.end();
  };
  const auto take = [&](const auto& wanted) {
    if (!snapshot.machines.empty()) return;
    for (const auto& [id, machine] : machines_)
      if (machine.load.kv_positions >= wanted_positions && wanted(id, machine))
        snapshot.machines.push_back(machine.load);
  };
  take([&](MachineId id, const Machine& machine) {
    return (!machine.what.draining || planted(Bug::kDrainForgotten)) && !avoided(id);
  });
  rare(Rare::kOnlyAvoidedLeft, snapshot.machines.empty());
  take([&](MachineId, const Machine& machine) { return !machine.what.draining || planted(Bug::kDrainForgotten); });
  rare(Rare::kOnlyDrainingLeft, snapshot.machines.empty());
  take([&](MachineId, const Machine&) { return true; });
  for (auto& machine : snapshot.machines) measured_.show(machine);
  snapshot.links = measured_.links();
  snapshot.kv_bytes_per_token = static_cast<std::int64_t>(machines_.begin()->second.what.kv_token_bytes());
}

void Router::outdated(MachineId machine) {
  if (!snapshot_) return;
  outdated_.push_back(machine);
  // Word of machines comes whether or not there are requests; so much of it is a new snapshot's worth.
  if (outdated_.size() > machines_.size()) snapshot_.reset();
}

void Router::survey() {
  if (!std::exchange(machines_differ_, false)) return;
  snapshot_.reset();
  smallest_ = std::numeric_limits<std::int64_t>::max();
  largest_ = 0;
  any_drains_ = false;
  for (const auto& [id, machine] : machines_) {
    smallest_ = std::min(smallest_, machine.load.kv_positions);
    largest_ = std::max(largest_, machine.load.kv_positions);
    any_drains_ = any_drains_ || machine.what.draining;
  }
}

void Router::on(const RouteDecided& decided) {
  CHECK(!undecided_.empty() && undecided_.front().request == decided.request, decided.request);
  if (std::exchange(first_left_, false)) {
    rare(Rare::kLeftUndecided);
    undecided_.pop_front();
    decide_next();
    return;
  }
  auto prompt = machines_.find(decided.decision->prompt_machine);
  const auto token = machines_.find(decided.decision->token_machine);
  const bool there = prompt != machines_.end() && token != machines_.end();
  if (!there && machines_changed_) {
    rare(Rare::kMachineLeftMeanwhile);
    decide_next();  // a machine left while the policy thought
    return;
  }
  RouteRequest request = std::move(undecided_.front());
  undecided_.pop_front();
  if (!there) {
    // One that was never there is the policy's mistake, and asking again would not help.
    send(request.reply_to,
         RouteRefused{request.request,
                      request.attempt,
                      {ErrorCode::kUnavailable, "The machine that policy \"" + decided.decision->policy +
                                                    "\" chose is not there any more; try again."}});
  } else {
    // Two machines of this node (whose pools it has) split a request where something carries the KV between them.
    const bool near = prompt != token && prompt->second.what.pool && token->second.what.pool;
    if (near && !prompt->second.what.prompt_for_others) prompt = token;
    const auto& of_prompt = prompt->second.what;
    send(request.reply_to, Routed{request.request, request.attempt, prompt->first, token->first,
                                  near && prompt != token ? of_prompt.prompt_for_others : of_prompt.prompt,
                                  token->second.what.token, decided.decision});
    assign({std::move(request), prompt->first, token->first, false, now(), {}, 0, {}, {}, 0});
  }
  decide_next();
}

Router::Assigned* Router::assigned(RequestId request, Attempt attempt) {
  const auto found = assigned_.find(request);
  return found != assigned_.end() && found->second.what.attempt == attempt ? &found->second : nullptr;
}

void Router::assign(Assigned assigned) {
  const auto prompt = machines_.find(assigned.prompt_machine);
  const auto token = machines_.find(assigned.token_machine);
  if (!assigned.prompt_done) {
    ++waiting_;
    measured_.kv_promised(assigned.token_machine, assigned.what.prompt_tokens);
    if (prompt != machines_.end() && token != machines_.end() && prompt->second.load.node != token->second.load.node) {
      assigned.from = prompt->second.load.node;
      assigned.to = token->second.load.node;
      assigned.kv_bytes = assigned.what.prompt_tokens * static_cast<std::int64_t>(token->second.what.kv_token_bytes());
      measured_.kv_on_the_way(assigned.from, assigned.to, assigned.kv_bytes);
    }
  }
  weigh(assigned, 1);
  const auto id = assigned.what.request;
  assigned_[id] = std::move(assigned);
}

template <class Wanted>
void Router::weigh(const Assigned& assigned, int sign, Wanted wanted) {
  const auto prompt = machines_.find(assigned.prompt_machine);
  if (prompt != machines_.end()) outdated(prompt->first);
  if (prompt != machines_.end() && !assigned.prompt_done && wanted(prompt->first)) {
    prompt->second.load.pending_prompt_tokens += sign * std::int64_t{assigned.what.prompt_tokens};
    prompt->second.load.pending_prompts += sign;
  }
  const auto token = machines_.find(assigned.token_machine);
  if (token != machines_.end()) outdated(token->first);
  if (token != machines_.end() && wanted(token->first)) {
    token->second.load.pending_tokens += sign * (std::int64_t{assigned.what.prompt_tokens} + assigned.what.max_tokens);
    if (assigned.prompt_done) {
      token->second.load.running += sign;
    } else {
      token->second.load.awaited_prompt_tokens += sign * std::int64_t{assigned.what.prompt_tokens};
      token->second.load.awaited += sign;
    }
  }
}

void Router::weigh(const Assigned& assigned, int sign) {
  weigh(assigned, sign, [](MachineId) { return true; });
}

void Router::prompt_leaves(Assigned& assigned) {
  if (assigned.prompt_done) return;
  weigh(assigned, -1);
  assigned.prompt_done = true;
  --waiting_;
  if (assigned.kv_bytes > 0) measured_.kv_on_the_way(assigned.from, assigned.to, -assigned.kv_bytes);
  weigh(assigned, 1);
}

void Router::forget(RequestId request) {
  if (const auto known = assigned_.find(request); known != assigned_.end()) {
    prompt_leaves(known->second);
    weigh(known->second, -1);
    assigned_.erase(known);
  }
  const auto same = [request](const RouteRequest& each) { return each.request == request; };
  if (undecided_.empty()) return;
  undecided_.erase(std::remove_if(undecided_.begin() + 1, undecided_.end(), same), undecided_.end());
  if (same(undecided_.front())) first_left_ = true;
}

void Router::on(AdoptRequest& adopt) {
  rare(Rare::kAdopted);
  forget(adopt.what.request);
  // When its prompt was begun is not known, so it says nothing of the machine's speed.
  assign({std::move(adopt.what), adopt.prompt_machine, adopt.token_machine, adopt.prompt_done, {}, {}, 0, {}, {}, 0});
}

void Router::on(const PromptPhaseDone& done) {
  auto* const request = assigned(done.request, done.attempt);
  if (request == nullptr || request->prompt_done) return;
  prompt_leaves(*request);
  request->prompt_done_at = now();
  if (const auto token = machines_.find(request->token_machine); token != machines_.end())
    request->running = token->second.load.running;
  if (request->at != TimePoint{} && machines_.contains(request->prompt_machine))
    measured_.prompt_ran(request->prompt_machine, request->what.prompt_tokens, request->at, now());
}

void Router::on(const RequestLeft& left) {
  const auto of_it = [&](const RouteRequest& each) {
    return each.request == left.request && each.attempt == left.attempt;
  };
  if (const auto* const request = assigned(left.request, left.attempt)) tokens_came(*request, left.generated);
  if (assigned(left.request, left.attempt) != nullptr || std::any_of(undecided_.begin(), undecided_.end(), of_it))
    forget(left.request);
}

void Router::tokens_came(const Assigned& request, std::int32_t generated) {
  const auto token = machines_.find(request.token_machine);
  if (token == machines_.end() || request.prompt_done_at == TimePoint{} || generated < 2) return;
  const auto running = static_cast<double>(request.running + token->second.load.running) / 2;
  measured_.tokens_came(request.token_machine, generated - 1, now() - request.prompt_done_at, running);
}

void Router::on(const MachineLeft& left) {
  machines_.erase(left.machine);
  machines_differ_ = true;
  measured_.forget(left.machine);
  machines_changed_ = true;
  // Where a prompt machine was lost, the token machine that waits for its KV says so.
  for (const auto& [id, request] : assigned_)
    if (request.token_machine == left.machine)
      send(request.what.reply_to, MachineLost{id, request.what.attempt, left.machine});
}

LoadSnapshot Router::loads() const {
  LoadSnapshot snapshot;
  for (const auto& [id, machine] : machines_) {
    snapshot.machines.push_back(
        {machine.what.name, machine.load, machine.what.home, machine.what.role_since, machine.what.draining});
    measured_.show(snapshot.machines.back().view);
  }
  return snapshot;
}

}  // namespace troupe
