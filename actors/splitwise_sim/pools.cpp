#include "actors/splitwise_sim/pools.hpp"

#include "runtime/base/check.hpp"

namespace troupe::splitwise_sim {
namespace {

/// Changes a machine's rank in place, without giving the node back and asking for another.
template <class Set, class Ranked>
void rerank(Set& set, const Ranked& from, const Ranked& to) {
  auto node = set.extract(from);
  CHECK(!node.empty(), std::get<2>(from));
  node.value() = to;
  set.insert(std::move(node));
}

}  // namespace

Pools::Pools(Routing routing, std::vector<PooledMachine> machines)
    : routing_(routing), machines_(std::move(machines)), state_(machines_.size()) {
  CHECK(!machines_.empty(), machines_.size());
  for (MachineIndex i = 0; i < machines_.size(); ++i) {
    State& state = state_[i];
    state = {machines_[i].home, orders_++, 0, machines_[i].weight_bytes, false};
    pool(state.place).by_pending.emplace(state.pending, state.order, i);
    pool(state.place).by_reserved.emplace(state.reserved, state.order, i);
  }
}

Route Pools::route(const RequestFacts& facts) {
  return routing_ == Routing::kTokenJsq ? route_to_shortest(facts) : route_to_pools(facts);
}

Route Pools::route_to_shortest(const RequestFacts& facts) {
  const MachineIndex machine = fewest_pending_of_all();
  change(machine, facts.prompt_tokens + 1, 0);
  return {machine, machine};
}

Route Pools::route_to_pools(const RequestFacts& facts) {
  auto prompt = find_for_prompt(Place::kPrompt, facts);
  if (!prompt) prompt = find_for_prompt(Place::kMixed, facts);
  // A request of one token has no token task, and so no machine to find for it. (The authors' traces have none.)
  const bool one_token = facts.decode_steps() == 0;
  auto token = one_token ? prompt : find_for_tokens(Place::kToken, facts);
  if (!token && !one_token) token = find_for_tokens(Place::kMixed, facts);
  Route route;
  if (!prompt && !pool(Place::kToken).empty()) {
    prompt = std::get<2>(*pool(Place::kToken).by_pending.begin());
    move(*prompt, Place::kMixed);
    route.moved[route.moves++] = *prompt;
  }
  if (!token && !one_token && !pool(Place::kPrompt).empty()) {
    token = std::get<2>(*pool(Place::kPrompt).by_reserved.begin());
    move(*token, Place::kMixed);
    route.moved[route.moves++] = *token;
  }
  if (one_token && prompt) token = prompt;
  if (!prompt || !token) prompt = token = fewest_pending_of_all();
  route.prompt_machine = *prompt;
  route.token_machine = *token;
  const std::int64_t at_prompt = facts.prompt_memory(machines_[*prompt].kv_bytes_per_token);
  const std::int64_t at_token = facts.memory(machines_[*token].kv_bytes_per_token);
  if (*prompt == *token) {
    change(*prompt, facts.prompt_tokens + 1, at_token);
  } else {
    change(*prompt, facts.prompt_tokens, at_prompt);
    change(*token, 1, at_token);
  }
  return route;
}

std::optional<MachineIndex> Pools::find_for_prompt(Place place, const RequestFacts& facts) {
  if (pool(place).empty()) return std::nullopt;
  const MachineIndex best = std::get<2>(*pool(place).by_pending.begin());
  const State& state = state_[best];
  if (state.waiting && state.pending + facts.prompt_tokens > kQueueLimit) return std::nullopt;
  return best;
}

std::optional<MachineIndex> Pools::find_for_tokens(Place place, const RequestFacts& facts) {
  if (pool(place).empty()) return std::nullopt;
  const MachineIndex best = std::get<2>(*pool(place).by_reserved.begin());
  const PooledMachine& machine = machines_[best];
  if (state_[best].reserved + facts.memory(machine.kv_bytes_per_token) >= machine.memory_bytes) return std::nullopt;
  return best;
}

/// Of machines alike, the one whose pool comes first: prompt, mixed, token.
MachineIndex Pools::fewest_pending_of_all() {
  const Ranked* best = nullptr;
  for (const Pool& each : pools_) {
    if (each.empty()) continue;
    const Ranked& first = *each.by_pending.begin();
    if (best == nullptr || std::get<0>(first) < std::get<0>(*best)) best = &first;
  }
  return std::get<2>(*best);
}

void Pools::report(MachineIndex machine, std::int64_t pending_done, std::int64_t reserved_done, bool waiting) {
  state_[machine].waiting = waiting;
  change(machine, -pending_done, -reserved_done);
}

bool Pools::became_free(MachineIndex machine) {
  if (!is_drawn_in(machine)) return false;
  move(machine, machines_[machine].home);
  return true;
}

void Pools::move(MachineIndex machine, Place to) {
  State& state = state_[machine];
  pool(state.place).by_pending.erase({state.pending, state.order, machine});
  pool(state.place).by_reserved.erase({state.reserved, state.order, machine});
  state.place = to;
  state.order = orders_++;
  pool(to).by_pending.emplace(state.pending, state.order, machine);
  pool(to).by_reserved.emplace(state.reserved, state.order, machine);
  drawn_in_ += to == machines_[machine].home ? -1 : 1;
}

void Pools::change(MachineIndex machine, std::int64_t pending, std::int64_t reserved) {
  State& state = state_[machine];
  if (pending != 0)
    rerank(pool(state.place).by_pending, Ranked{state.pending, state.order, machine},
           Ranked{state.pending + pending, state.order, machine});
  if (reserved != 0)
    rerank(pool(state.place).by_reserved, Ranked{state.reserved, state.order, machine},
           Ranked{state.reserved + reserved, state.order, machine});
  state.pending += pending;
  state.reserved += reserved;
}

}  // namespace troupe::splitwise_sim
