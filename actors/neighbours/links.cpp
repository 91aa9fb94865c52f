// The words by which two links meet, and how fast KV reaches other nodes: measured when a session has begun and now and
// then after that, told to whom it matters. The KV senders here decide by it from which length on a prompt travels
// layer group by layer group; routers, which hear of it in beats, whether a split pays.
#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/kv_sender/kv_sender.hpp"
#include "actors/neighbours/neighbours.hpp"

namespace troupe {
namespace {

/// A measurement takes some milliseconds of both nodes' links, more while all nodes measure: not while requests come,
/// and not right when a cluster starts. One that is never calm is measured all the same, later.
constexpr std::chrono::seconds kMeasureFirst{1};
constexpr std::chrono::seconds kMeasureEvery{60};
constexpr std::chrono::seconds kMostPutOff{30};

}  // namespace

void Neighbours::measure(NodeId id) {
  auto& peer = peers_.at(id);
  // Between nodes without machines no KV travels.
  if (local_.empty() || peer.machines.empty() || !peer.link) return;
  const auto due = peer.measured_at ? *peer.measured_at + kMeasureEvery : peer.settled_at + kMeasureFirst;
  if (now() < due || (!calm(peer) && now() < due + kMostPutOff)) return;
  peer.measured_at = now();
  options_.link->probe(
      *peer.link, [self = caf::weak_actor_ptr(ctrl()), id, link = *peer.link](Result<link::Probe> how) {
        if (const auto strong = caf::actor_cast<NeighboursActor>(self.lock()))
          caf::anon_send(strong, LinkProbed{id, link, std::make_shared<const Result<link::Probe>>(std::move(how))});
      });
}

bool Neighbours::calm(const Peer& peer) const {
  const auto rests = [](const wire::MachineBeat& machine) {
    return machine.prompts.running + machine.prompts.waiting + machine.tokens.running + machine.tokens.waiting == 0;
  };
  return landings_.empty() && std::all_of(latest_.begin(), latest_.end(), rests) &&
         std::all_of(peer.machines.begin(), peer.machines.end(),
                     [&](const auto& machine) { return rests(machine.second.beat); });
}

void Neighbours::on(LinkSays& says) {
  for (const auto& [id, peer] : peers_)
    if (peer.link == says.peer) send_to(id, wire::LinkWord{std::move(says.word)});
}

void Neighbours::handle(NodeId from, wire::LinkWord& word) {
  if (const auto& peer = peers_.at(from); peer.link) options_.link->hear(*peer.link, std::move(word.word));
}

void Neighbours::on(const LinkProbed& probed) {
  auto& peer = peers_.at(probed.to);
  // What cannot be measured now is not worth a word: whoever needs the link finds out why.
  if (peer.link != probed.peer || !probed.how->ok()) return;
  peer.way = probed.how->value();
  // A modelled link may take no time; frames carry finite numbers.
  peer.way->bytes_per_second = std::min(peer.way->bytes_per_second, 1e18);
  for (const auto& [id, local] : local_)
    if (local.kv_sender)
      send(local.kv_sender,
           PushLayersFrom{probed.to, layerwise_from(*peer.way, local.what.kv_token_bytes(), local.what.layer_groups)});
  tell_links(options_.self, links());
}

std::vector<wire::LinkBeat> Neighbours::links() const {
  std::vector<wire::LinkBeat> links;
  for (const auto& [id, peer] : peers_)
    if (peer.way) links.push_back({id, peer.way->round_trip.count(), peer.way->bytes_per_second});
  return links;
}

void Neighbours::tell_links(NodeId from, const std::vector<wire::LinkBeat>& links) {
  if (!options_.router) return;
  for (const auto& link : links)
    send(options_.router, LinkMeasured{from, link.to, std::chrono::nanoseconds(link.round_trip_ns), link.bytes_per_s});
}

}  // namespace troupe
