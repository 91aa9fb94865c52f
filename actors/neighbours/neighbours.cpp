#include "actors/neighbours/neighbours.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "runtime/base/check.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Neighbours::Neighbours(caf::actor_config& config, NeighboursOptions options)
    : Actor(config), options_(std::move(options)) {
  for (std::uint32_t id = 0; id < options_.nodes.size(); ++id)
    if (NodeId{id} != options_.self) peers_[NodeId{id}].name = options_.nodes[id];
}

NeighboursActor::behavior_type Neighbours::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) { on(down); });
  born_ = now();
  for (auto& [id, peer] : peers_) {
    peer.requests = stand_in(spawn<RemoteRequests>(id, NeighboursActor{this}));
    if (may_route(id)) peer.router = stand_in(spawn<RemoteRouter>(id, NeighboursActor{this}));
    if (options_.router) peer.dispatcher = stand_in(spawn<RemoteDispatcher>(id, NeighboursActor{this}));
  }
  options_.link->on_broken([self = caf::weak_actor_ptr(ctrl())](link::PeerId peer, const Error& error) {
    if (const auto strong = caf::actor_cast<NeighboursActor>(self.lock()))
      caf::anon_send(strong, LinkBroken{peer, error.message});
  });
  options_.link->on_word([self = caf::weak_actor_ptr(ctrl())](link::PeerId peer, std::string word) {
    if (const auto strong = caf::actor_cast<NeighboursActor>(self.lock()))
      caf::anon_send(strong, LinkSays{peer, std::move(word)});
  });
  send(NeighboursActor{this}, NeighboursTick{});
  return {
      [this](const WireFrame& frame) { on(frame); },
      [this](MachineJoined& joined) { on(joined); },
      [this](const MachineLeft& left) { on(left); },
      [this](const DialResult& dialled) { on(dialled); },
      [this](const NeighboursTick&) { tick(); },
      [this](const WatchRouting& watch) { on(watch); },
      [this](RouteElsewhere& route) { on(route); },
      [this](AnswerElsewhere& answer) { on(answer); },
      [this](AdmitElsewhere& admit) { on(admit); },
      [this](const CancelElsewhere& cancel) { on(cancel); },
      [this](RunPromptElsewhere& run) { on(run); },
      [this](const CancelPromptElsewhere& cancel) { on(cancel); },
      [this](ReportElsewhere& report) { on(report); },
      [this](const LandingEnded& ended) { on(ended); },
      [this](const LandingDue& due) { on(due); },
      [this](const LinkBroken& broken) { on(broken); },
      [this](LinkSays& says) { on(says); },
      [this](const LinkProbed& probed) { on(probed); },
      [this](GatherTraces& gather) { on(gather); },
      [this](const ChangeMachines& change) { on(change); },
      [this](const GatheringDue& due) { finish_gathering(due.gathering); },
      [this](const KvSendEnded& ended) { on(ended); },
      [this](const QueryCluster&) { return state(); },
      [this](const QueryBlocks& query) { return on(query); },
      [this](const InspectionDue& due) { on(due); },
      [this](const QueryPaths& query) { return on(query); },
      [this](const PeerProbed& probed) { on(probed); },
  };
}

void Neighbours::on_exit() {
  // Without a sender, which would hold a new handle to this actor.
  for (auto& [id, peer] : peers_) {
    caf::anon_send_exit(peer.requests, caf::exit_reason::user_shutdown);
    if (peer.router) caf::anon_send_exit(peer.router, caf::exit_reason::user_shutdown);
    if (peer.dispatcher) caf::anon_send_exit(peer.dispatcher, caf::exit_reason::user_shutdown);
  }
  for (auto& [id, machine] : local_)
    if (machine.kv_sender) caf::anon_send_exit(machine.kv_sender, caf::exit_reason::user_shutdown);
  peers_.clear();
  local_.clear();
  here_.clear();
  landings_.clear();
  early_.clear();
  gatherings_.clear();
  blocks_asked_.clear();
  examination_.reset();
  probing_.reset();
  supervisor_ = nullptr;
  balancer_ = nullptr;
  options_ = {};
}

void Neighbours::tick() {
  delayed_send(NeighboursActor{this}, options_.heartbeat, NeighboursTick{});
  const auto at = now();
  std::vector<NodeId> silent;
  for (auto& [id, peer] : peers_) {
    if (peer.handle && at - peer.heard > options_.silence) silent.push_back(id);
    // The later node of a pair dials, so that two do not dial each other at once.
    if (!peer.handle && !peer.dialling && id < options_.self) {
      peer.dialling = true;
      options_.dialler->dial(id, NeighboursActor{this});
    }
  }
  rare(Rare::kSilence, !silent.empty());
  for (const NodeId id : silent) lose(id, "not heard for " + std::to_string(options_.silence.count()) + " ms");
  elect();
  beat_times_[++beats_ % beat_times_.size()] = at;
  for (auto& [id, peer] : peers_) {
    if (peer.session == 0) continue;
    send_to(id, beat_for(peer));
    measure(id);
  }
  admit_early();
  if (!supervisor_ || std::exchange(asked_, true)) return;
  request(supervisor_, caf::infinite, QueryCluster{})
      .then(
          [this](const ClusterState& cluster) {
            asked_ = false;
            latest_.clear();
            for (const auto& machine : cluster.machines)
              if (machine.alive) latest_.push_back({machine.id, machine.prompts, machine.tokens, machine.blocks});
            for (const auto& beat : latest_) tell_kv_room(beat);
          },
          [this](caf::error&) { asked_ = false; });
}

void Neighbours::send_frame(const FrameActor& to, std::uint64_t session, wire::Message message) {
  send(to, WireFrame{wire::encode({session, std::move(message)}, now())});
}

bool Neighbours::send_to(NodeId id, wire::Message message) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end() || peer->second.session == 0) return false;
  send_frame(peer->second.handle, peer->second.session, std::move(message));
  return true;
}

void Neighbours::refuse(const FrameActor& to, std::uint64_t session, std::string why, bool again) {
  send_frame(to, session, wire::Refused{std::move(why), again});
}

void Neighbours::on(const DialResult& dialled) {
  auto& peer = peers_.at(dialled.node);
  if (!dialled.peer || peer.handle) {
    peer.dialling = false;
    return;
  }
  peer.handle = dialled.peer;
  peer.heard = now();
  peer.session = 0;
  monitor(peer.handle);
  greet(peer);
}

void Neighbours::greet(Peer& peer) {
  // The session counts once the other side has repeated it.
  peer.offered = options_.draw() | 1;
  wire::Hello hello = introduce();
  hello.session = peer.offered;
  send_frame(peer.handle, 0, std::move(hello));
}

wire::Hello Neighbours::introduce() const {
  wire::Hello hello;
  hello.build = options_.build;
  hello.cluster = options_.cluster;
  hello.node = options_.self;
  hello.name = options_.nodes.at(options_.self.value);
  hello.incarnation = options_.incarnation;
  hello.pid = options_.pid;
  hello.link_address = options_.link->address();
  return hello;
}

std::optional<NodeId> Neighbours::sender_of(std::uint64_t session) const {
  if (session != 0)
    for (const auto& [id, peer] : peers_)
      if (peer.session == session) return id;
  return std::nullopt;
}

void Neighbours::on(const WireFrame& wire_frame) {
  const auto from = caf::actor_cast<FrameActor>(current_sender());
  if (!from) return;
  auto frame = wire::decode(wire_frame.bytes, now());
  if (!frame.ok()) {
    refuse(from, 0, frame.error().message, false);
    return;
  }
  if (const auto* hello = std::get_if<wire::Hello>(&frame->message)) {
    on_hello(*hello, frame->session, from);
    return;
  }
  if (const auto* refused = std::get_if<wire::Refused>(&frame->message)) {
    for (auto& [id, peer] : peers_) {
      // What it refuses may be of a session that is over.
      if (peer.handle != from || (frame->session != peer.session && frame->session != peer.offered)) continue;
      rare(Rare::kToldGivenUp);
      lose(id, "it refused: " + refused->why);
      return;
    }
    return;
  }
  for (auto& [id, peer] : peers_) {
    if (!peer.greeting || peer.greeting->session != frame->session || peer.greeter != from) continue;
    const auto hello = *std::exchange(peer.greeting, std::nullopt);
    rare(Rare::kNewSession, peer.session != 0);
    if (peer.session != 0) lose(id, "it began a new session");
    if (!peer.handle) monitor(from);
    peer.handle = from;
    settle(id, hello);
    break;
  }
  const auto id = sender_of(frame->session);
  if (!id) {
    rare(Rare::kOldSession);
    refuse(from, frame->session, "This session was given up; say hello again.", true);
    return;
  }
  peers_.at(*id).heard = now();
  std::visit([&](auto& message) { handle(*id, message); }, frame->message);
}

void Neighbours::on_hello(const wire::Hello& hello, std::uint64_t session, const FrameActor& from) {
  const auto peer = peers_.find(hello.node);
  std::string why;
  if (hello.protocol != wire::kProtocolVersion) {
    why = "Node \"" + hello.name + "\" (build " + hello.build + ") speaks protocol " + std::to_string(hello.protocol) +
          ", this one (build " + options_.build + ") " + std::to_string(wire::kProtocolVersion) +
          ". Run the same build on all nodes.";
  } else if (hello.cluster != options_.cluster) {
    why = "This is cluster \"" + options_.cluster + "\", and node \"" + hello.name + "\" is of cluster \"" +
          hello.cluster + "\". Check the control ports of both configurations.";
  } else if (peer == peers_.end() || peer->second.name != hello.name) {
    why = "The configuration here has no node " + std::to_string(hello.node.value) + " named \"" + hello.name +
          "\". Start all nodes with the same configuration.";
  }
  if (!why.empty()) {
    options_.tell("refused", hello.name, why);
    refuse(from, session, std::move(why), false);
    return;
  }
  auto& known = peer->second;
  if (session == 0) {
    known.greeting = hello;
    known.greeter = from;
    auto answer = introduce();
    answer.session = hello.session;
    send_frame(from, hello.session, std::move(answer));
  } else if (known.handle == from && known.offered == session && hello.session == session) {
    settle(hello.node, hello);
    send_to(hello.node, beat_for(known));  // by which the other side knows that the session is used
  }
}

void Neighbours::settle(NodeId id, const wire::Hello& hello) {
  auto& peer = peers_.at(id);
  peer.dialling = false;
  peer.session = hello.session;
  peer.offered = 0;
  peer.greeting.reset();
  peer.greeter = nullptr;
  peer.lost.clear();
  peer.clock = {};
  peer.incarnation = hello.incarnation;
  peer.pid = hello.pid;
  peer.heard = peer.settled_at = now();
  auto link = options_.link->add_peer(hello.link_address);
  if (link.ok()) {
    peer.link = *link;
    options_.tell("joined", peer.name, "it runs build " + hello.build);
  } else {
    options_.tell("joined", peer.name, "without a path for KV: " + link.error().message);
  }
  announce(id);
  elect();
}

void Neighbours::lose(NodeId id, const std::string& why) {
  auto& peer = peers_.at(id);
  if (!peer.handle) return;
  demonitor(peer.handle.address());
  const bool was_here = peer.session != 0;
  // Told once that the session is over, a node that only stalled gives up what it did for this one.
  if (was_here) refuse(peer.handle, peer.session, "This session was given up: " + why + ".", true);
  peer.handle = nullptr;
  peer.dialling = false;
  peer.session = 0;
  peer.offered = 0;
  if (!was_here) return;
  options_.tell("lost", peer.name, why);
  for (const auto& [machine, remote] : peer.machines) {
    tell_routing(MachineLeft{machine});
    peer.lost.insert(machine);
  }
  peer.machines.clear();
  count_serving();
  for (const auto& [request, attempt] : peer.routed) send(options_.router, RequestLeft{request, attempt});
  peer.routed.clear();
  peer.routes = false;
  peer.way.reset();
  peer.measured_at.reset();
  elect();
  rare(Rare::kLostWithRequests, !peer.admitted.empty());
  for (const auto& [request, served] : peer.admitted)
    if (const auto machine = local_.find(served.machine); machine != local_.end())
      send(machine->second.what.token, CancelRequest{request, served.attempt});
  peer.admitted.clear();
  std::erase_if(early_, [&](const Early& early) { return early.from == id; });
  for (const auto& [machine, local] : local_)
    if (local.kv_sender) send(local.kv_sender, PeerGone{id});
  // Its landings end with kUnavailable, each by a LandingEnded of its own.
  if (const auto link = std::exchange(peer.link, std::nullopt)) options_.link->drop_peer(*link, [] {});
  for (const auto& [ticket, landing] : landings_)
    if (landing.from == id) options_.link->close_landing(ticket);
}

void Neighbours::on(const LinkBroken& broken) {
  for (auto& [id, peer] : peers_) {
    if (peer.link != broken.peer) continue;
    lose(id, "the connection for KV broke: " + broken.why);
    return;
  }
}

void Neighbours::on(const caf::down_msg& down) {
  for (auto& [id, peer] : peers_) {
    if (!peer.handle || peer.handle.address() != down.source) continue;
    lose(id, "its connection broke");
    return;
  }
  if (const auto request = here_ids_.extract(down.source.id())) here_.erase(request.mapped());
  // What was said to it is lost, and nobody knows what. One that nobody holds any more has left in order.
  if (stand_ins_.erase(down.source.id()) == 0 || down.reason == caf::exit_reason::unreachable) return;
  rare(Rare::kStandInDied);
  if (!planted(Bug::kLostStandIn)) quit(down.reason);
}

}  // namespace troupe
