// What people ask of a machine that may be another node's: who holds its KV blocks.
#include <utility>

#include "actors/neighbours/neighbours.hpp"

namespace troupe {
namespace {

/// As long as a node may take to say who holds its blocks.
constexpr std::chrono::milliseconds kPatience{2000};

BlocksFound found(std::string node, Result<MachineBlocks> what) {
  return {std::move(node), std::make_shared<const Result<MachineBlocks>>(std::move(what))};
}

}  // namespace

MachineBlocks Neighbours::named(const PoolLeases& leases) const {
  std::map<RequestId, NodeId> writers;
  for (const auto& [ticket, landing] : landings_) writers[landing.id] = landing.from;
  MachineBlocks all{leases.blocks, {}, leases.left_out};
  for (const auto& lease : leases.leases) {
    auto& held = all.leases.emplace_back(HeldBlocks{lease.request, {}, lease.sent_to.has_value(), {}, {}, {}});
    held.held_ns = lease.held_ns;
    held.by_state = lease.by_state;
    if (lease.sent_to) {
      held.peer = options_.nodes.at(lease.sent_to->value);
      continue;
    }
    if (const auto writer = writers.find(lease.request); writer != writers.end())
      held.peer = options_.nodes.at(writer->second.value);
    if (here_.contains(lease.request)) held.home = options_.nodes.at(options_.self.value);
    for (const auto& [id, peer] : peers_)
      if (peer.admitted.contains(lease.request)) held.home = peer.name;
  }
  return all;
}

caf::typed_response_promise<BlocksFound> Neighbours::on(const QueryBlocks& query) {
  auto promise = make_response_promise<BlocksFound>();
  std::vector<std::string> there;
  for (const auto& [id, local] : local_) {
    there.push_back(local.what.name);
    if (local.what.name != query.machine) continue;
    const auto& own = options_.nodes.at(options_.self.value);
    request(local.what.pool, caf::infinite, QueryLeases{})
        .then([this, promise, own](const PoolLeases& leases) mutable { promise.deliver(found(own, named(leases))); },
              [promise, own, name = query.machine](caf::error&) mutable {
                promise.deliver(found(own, Error{ErrorCode::kUnavailable, "Machine \"" + name + "\" has ended."}));
              });
    return promise;
  }
  for (const auto& [id, peer] : peers_)
    for (const auto& [machine, remote] : peer.machines) {
      there.push_back(remote.what.name);
      if (remote.what.name != query.machine) continue;
      const auto number = ++last_query_;
      blocks_asked_[number] = {promise, id, query.machine};
      send_to(id, wire::BlocksQuery{number, machine});
      delayed_send(NeighboursActor{this}, kPatience, InspectionDue{number});
      return promise;
    }
  promise.deliver(found({}, no_such_machine(query.machine, there)));
  return promise;
}

void Neighbours::handle(NodeId from, const wire::BlocksQuery& query) {
  const auto local = local_.find(query.machine);
  if (local == local_.end()) {
    send_to(from, wire::BlocksReply{query.query, false, {}});
    return;
  }
  request(local->second.what.pool, caf::infinite, QueryLeases{})
      .then(
          [this, from, number = query.query](const PoolLeases& leases) {
            send_to(from, wire::BlocksReply{number, true, named(leases)});
          },
          [this, from, number = query.query](caf::error&) {
            send_to(from, wire::BlocksReply{number, false, {}});
          });
}

void Neighbours::handle(NodeId from, wire::BlocksReply& reply) {
  const auto asked = blocks_asked_.find(reply.query);
  if (asked == blocks_asked_.end() || asked->second.node != from) return;
  auto question = std::move(asked->second);
  blocks_asked_.erase(asked);
  const auto& node = peers_.at(from).name;
  if (reply.found) {
    question.promise.deliver(found(node, std::move(reply.what)));
  } else {
    question.promise.deliver(
        found(node, Error{ErrorCode::kUnavailable, "Machine \"" + question.machine + "\" has ended."}));
  }
}

void Neighbours::on(const InspectionDue& due) {
  if (examination_ && examination_->number == due.query) return end_examination();
  const auto asked = blocks_asked_.extract(due.query);
  if (!asked) return;
  const auto& name = peers_.at(asked.mapped().node).name;
  asked.mapped().promise.deliver(
      found(name, Error{ErrorCode::kUnavailable, "Node \"" + name + "\", whose machine that is, has not answered in " +
                                                     std::to_string(kPatience.count()) + " ms."}));
}

}  // namespace troupe
