// Who has which machines.
#include <utility>

#include "actors/kv_sender/kv_sender.hpp"
#include "actors/neighbours/neighbours.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {
namespace {

bool same_shape(const kernels::KvLayout& a, const kernels::KvLayout& b) {
  return a.layers == b.layers && a.kv_heads == b.kv_heads && a.head_dim == b.head_dim && a.dtype == b.dtype;
}

wire::MachineUp announcement(const MachineJoined& machine, const std::string& model, std::uint64_t epoch) {
  wire::MachineUp up;
  up.machine = machine.machine;
  up.name = machine.name;
  up.role = machine.role;
  up.device = machine.device;
  up.model = model;
  up.layers = static_cast<std::int32_t>(machine.kv.layers);
  up.kv_heads = static_cast<std::int32_t>(machine.kv.kv_heads);
  up.head_dim = static_cast<std::int32_t>(machine.kv.head_dim);
  up.dtype = static_cast<std::uint8_t>(machine.kv.dtype);
  up.blocks = machine.kv.blocks;
  up.draining = machine.draining;
  up.epoch = epoch;
  if (machine.home != machine.role) up.home = machine.home;
  up.why = machine.why;
  return up;
}

/// Takes on what was ordered or announced.
void take_role(MachineJoined& machine, policies::Role role, std::optional<policies::Role> home, const std::string& why,
               TimePoint now) {
  if (machine.role != role) machine.role_since = now;
  machine.role = role;
  machine.home = home.value_or(role);
  machine.why = why;
}

}  // namespace

void Neighbours::on(MachineJoined& joined) {
  supervisor_ = caf::actor_cast<SupervisorActor>(current_sender());
  const auto id = joined.machine;
  auto& local = local_[id];
  local.what = std::move(joined);
  local.what.node = options_.self;
  take_role(local.what, local.what.role, std::nullopt, "", now());
  local.what.role_since = now();
  const auto& machine = local.what;
  if (machine.slab)
    local.kv_sender = spawn<KvSender>(
        KvSenderMachine{machine.prompt, machine.pool, *machine.slab, static_cast<std::int32_t>(machine.kv.layers),
                        static_cast<std::int32_t>(machine.kv.blocks)},
        options_.link, NeighboursActor{this});
  tell_routing(machine);
  for (const auto& [peer_id, peer] : peers_) send_to(peer_id, announcement(machine, options_.model, local.epoch));
  count_serving();
}

void Neighbours::on(const MachineLeft& left) {
  const auto local = local_.find(left.machine);
  if (local == local_.end()) return;
  if (local->second.kv_sender) send_exit(local->second.kv_sender, caf::exit_reason::user_shutdown);
  local_.erase(local);
  tell_routing(left);
  for (const auto& [id, peer] : peers_) send_to(id, wire::MachineDown{left.machine});
  count_serving();
}

void Neighbours::on(const ChangeMachines& change) {
  std::int32_t told = 0;
  const auto order_for = [&](const MachineJoined& machine, std::uint64_t carried_out) {
    // Later than what other nodes ordered, as far as this one has heard of it; and than what nodes before it did, which
    // took their epochs from the same clock of the world.
    last_epoch_ = std::max({last_epoch_ + 1, carried_out + 1, options_.first_epoch});
    ++told;
    wire::Order order{
        last_epoch_,  machine.machine, change.role.value_or(machine.role), change.draining.value_or(machine.draining),
        machine.home, machine.why};
    if (change.role && (!change.keeps_home || planted(Bug::kHomeForgotten))) order.home = change.role;
    if (change.role) order.why = change.why;
    if (order.home == order.role) order.home.reset();
    return order;
  };
  const auto meant = [&](const std::string& node, const MachineJoined& machine) {
    if (change.machine) return *change.machine == machine.machine;
    return change.name == node || change.name == machine.name;
  };
  for (const auto& [id, local] : local_)
    if (meant(options_.nodes.at(options_.self.value), local.what)) carry_out(id, order_for(local.what, local.epoch));
  for (const auto& [id, peer] : peers_)
    for (const auto& [machine, remote] : peer.machines)
      if (meant(peer.name, remote.what)) send_to(id, order_for(remote.what, remote.epoch));
  if (told > 0) return change.with(told);
  change.with(Error{ErrorCode::kMissingInput, "No machine and no node with machines named \"" + change.name +
                                                  "\" is connected; `troupe status` shows those that are."});
}

void Neighbours::handle(NodeId from, const wire::Order& order) {
  const auto local = local_.find(order.machine);
  if (local == local_.end()) return;
  if (order.epoch <= local->second.epoch) {
    rare(Rare::kOldOrder);
    options_.tell("refused", peers_.at(from).name,
                  "its order for machine \"" + local->second.what.name + "\" is of epoch " +
                      std::to_string(order.epoch) + ", and epoch " + std::to_string(local->second.epoch) +
                      " has been carried out");
    return;
  }
  carry_out(order.machine, order);
}

void Neighbours::carry_out(MachineId id, const wire::Order& order) {
  auto& local = local_.at(id);
  local.epoch = order.epoch;
  take_role(local.what, order.role, order.home, order.why, now());
  local.what.draining = order.draining;
  if (options_.router) send(options_.router, MachineChanged{id, order.role, order.draining, local.what.home});
  for (const auto& [peer_id, peer] : peers_) send_to(peer_id, announcement(local.what, options_.model, local.epoch));
  count_serving();
}

void Neighbours::announce(NodeId id) {
  for (const auto& [machine, local] : local_) send_to(id, announcement(local.what, options_.model, local.epoch));
}

void Neighbours::handle(NodeId from, wire::MachineUp& up) {
  auto& peer = peers_.at(from);
  if (const auto known = peer.machines.find(up.machine); known != peer.machines.end()) {
    take_role(known->second.what, up.role, up.home, up.why, now());
    known->second.what.draining = up.draining;
    if (!planted(Bug::kWrongEpochCheck)) known->second.epoch = up.epoch;
    if (options_.router)
      send(options_.router, MachineChanged{up.machine, up.role, up.draining, known->second.what.home});
    count_serving();
    return;
  }
  if (up.model != options_.model) {
    options_.tell("refused", peer.name,
                  "its machine \"" + up.name + "\" holds another model than this node was configured with");
    return;
  }
  MachineJoined joined;
  joined.machine = up.machine;
  joined.name = up.name;
  joined.node = from;
  take_role(joined, up.role, up.home, up.why, now());
  joined.role_since = now();
  joined.device = up.device;
  joined.draining = up.draining;
  joined.kv = {up.layers, up.kv_heads, up.head_dim, up.blocks, static_cast<kernels::DType>(up.dtype)};
  for (const auto& [id, local] : local_) {
    if (id != up.machine && same_shape(local.what.kv, joined.kv)) continue;
    options_.tell("refused", peer.name,
                  "its machine \"" + up.name + "\" does not fit this node's \"" + local.what.name +
                      "\": one id for both, or KV of another shape. Start all nodes with the same configuration");
    return;
  }
  if (const auto [owner, machine] = remote(up.machine); machine != nullptr && owner != from) {
    options_.tell("refused", peer.name, "its machine \"" + up.name + "\" has the id of another node's machine");
    return;
  }
  joined.prompt = stand_in(spawn<RemotePrompt>(up.machine, NeighboursActor{this}));
  joined.token = stand_in(spawn<RemoteToken>(up.machine, NeighboursActor{this}));
  tell_routing(joined);
  auto& machine = peer.machines[up.machine];
  machine.what = std::move(joined);
  machine.beat.machine = up.machine;
  machine.epoch = up.epoch;
  count_serving();
  admit_early();
}

void Neighbours::handle(NodeId from, const wire::MachineDown& down) {
  if (peers_.at(from).machines.erase(down.machine) == 0) return;
  tell_routing(MachineLeft{down.machine});
  for (const auto& [ticket, landing] : landings_)
    if (landing.prompt_machine == down.machine) options_.link->close_landing(ticket);
  count_serving();
}

void Neighbours::handle(NodeId from, wire::Beat& beat) {
  note_clock(peers_.at(from), beat);
  peers_.at(from).routes = beat.routes && may_route(from);
  elect();
  tell_links(from, beat.links);
  auto& machines = peers_.at(from).machines;
  for (auto& each : beat.machines)
    if (const auto machine = machines.find(each.machine); machine != machines.end()) {
      machine->second.beat = each;
      tell_kv_room(each);
    }
}

void Neighbours::tell_kv_room(const wire::MachineBeat& beat) {
  if (!options_.router) return;
  const auto free = beat.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)];
  send(options_.router, KvRoomHeard{beat.machine, std::int64_t{free} * kernels::kBlockPositions});
}

std::pair<NodeId, Neighbours::RemoteMachine*> Neighbours::remote(MachineId machine) {
  for (auto& [id, peer] : peers_)
    if (const auto found = peer.machines.find(machine); found != peer.machines.end()) return {id, &found->second};
  return {NodeId{}, nullptr};
}

void Neighbours::count_serving() {
  if (!options_.serving) return;
  // Any machine can do either kind of work; its role is what it is given while there is a choice.
  std::size_t machines = local_.size();
  for (const auto& [id, peer] : peers_) machines += peer.machines.size();
  *options_.serving = active_ ? static_cast<std::int32_t>(machines) : 0;
}

caf::typed_response_promise<ClusterState> Neighbours::state() {
  const auto promise = make_response_promise<ClusterState>();
  const auto complete = [this, promise](ClusterState cluster) {
    const auto& own_name = options_.nodes.at(options_.self.value);
    const auto routing = [this](NodeId id) { return active_ == id ? "active" : may_route(id) ? "standby" : ""; };
    for (auto& machine : cluster.machines) {
      machine.node = own_name;
      const auto local = local_.find(machine.id);
      if (local == local_.end()) continue;
      machine.role = local->second.what.role;
      machine.draining = local->second.what.draining;
      machine.home = local->second.what.home;
      machine.why = local->second.what.why;
      machine.role_for = now() - local->second.what.role_since;
    }
    for (std::uint32_t id = 0; id < options_.nodes.size(); ++id) {
      if (NodeId{id} == options_.self) {
        cluster.nodes.push_back({own_name, "here", options_.pid, routing(NodeId{id})});
        continue;
      }
      const auto& peer = peers_.at(NodeId{id});
      cluster.nodes.push_back(
          {peer.name, peer.session != 0 ? "connected" : "away", peer.session != 0 ? peer.pid : 0, routing(NodeId{id})});
      for (const auto& [machine, remote] : peer.machines)
        cluster.machines.push_back({machine, remote.what.name, peer.name, remote.what.role, remote.what.device, true,
                                    remote.what.draining, remote.beat.prompts, remote.beat.tokens, remote.beat.blocks,
                                    remote.what.home, remote.what.why, now() - remote.what.role_since});
    }
    auto answer = promise;
    answer.deliver(std::move(cluster));
  };
  if (!supervisor_) {
    complete({});
  } else {
    request(supervisor_, caf::infinite, QueryCluster{})
        .then([complete](const ClusterState& cluster) { complete(cluster); },
              [complete](caf::error&) { complete({}); });
  }
  return promise;
}

}  // namespace troupe
