#include "tools/hunt/cluster.hpp"

#include <algorithm>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include "actors/balancer/balancer.hpp"
#include "actors/router/policy_actor.hpp"
#include "runtime/base/random.hpp"

namespace troupe::hunt {
namespace {

template <class Handle>
void kill_actor(Handle& actor) {
  if (actor) caf::anon_send_exit(actor, caf::exit_reason::kill);
  actor = nullptr;
}

/// Asks an actor one question. An actor of its own does, so that nobody waits for an answer that never comes.
template <class Answer, class Handle, class Question>
class Asker final : public exec::Actor<caf::event_based_actor> {
 public:
  Asker(caf::actor_config& config, Handle whom, Question question, std::shared_ptr<std::optional<Answer>> answer)
      : Actor(config), whom_(std::move(whom)), question_(std::move(question)), answer_(std::move(answer)) {}
  const char* name() const override { return "asker"; }
  caf::behavior make_behavior() override {
    request(whom_, caf::infinite, question_)
        .then([answer = answer_](const Answer& what) { *answer = what; }, [](caf::error&) {});
    return {};
  }
  void on_exit() override { whom_ = nullptr; }

 private:
  Handle whom_;
  Question question_;
  std::shared_ptr<std::optional<Answer>> answer_;
};

template <class Answer, class Handle, class Question>
std::optional<Answer> answer_of(exec::VirtualSystem& system, const Handle& whom, Question question) {
  const auto answer = std::make_shared<std::optional<Answer>>();
  const auto asker = system.actors().spawn<Asker<Answer, Handle, Question>>(whom, std::move(question), answer);
  system.settle();
  caf::anon_send_exit(asker, caf::exit_reason::kill);
  system.settle();
  return *answer;
}

}  // namespace

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)), system(options_.seed) {
  later_ = system.spawn<exec::Later>();
  options_.network.later = [later = later_](std::chrono::nanoseconds after, std::function<void()> what) {
    caf::delayed_anon_send(later, after, exec::RunLater{std::move(what)});
  };
  options_.network.now = [this] { return std::chrono::nanoseconds(system.now().time_since_epoch()); };
  network_ = link::LocalNetwork::make(options_.network);
  options_.nodes.front().routes = options_.nodes.front().calls = true;
  for (std::size_t i = 0; i < options_.nodes.size(); ++i) nodes_.emplace_back();
  for (std::size_t i = 0; i < options_.nodes.size(); ++i) start(i);
  pass(options_.warm_up);
}

Cluster::~Cluster() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    stall(i, false);
    kill(i);
  }
  system.settle();
}

void Cluster::start(std::size_t i) {
  auto& node = nodes_.at(i);
  const auto& what = options_.nodes.at(i);
  const exec::VirtualSystem::At at(system, static_cast<exec::Place>(i + 1));
  node.weather = std::make_shared<Weather>();
  node.link = network_->add_node();
  link_nodes_.push_back(i);
  node.events = std::make_shared<std::vector<std::string>>();
  NeighboursOptions settings;
  settings.cluster = "virtual";
  settings.build = "test";
  settings.self = NodeId{static_cast<std::uint32_t>(i)};
  for (const auto& each : options_.nodes) settings.nodes.push_back(each.name);
  settings.model = "hash";
  settings.incarnation = ++draws_;
  settings.draw = [this] { return mix64(++draws_); };
  if (what.routes) {
    const RoutingPolicyActor policy = system.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(
        policies::make_routing_policy(options_.policy, options_.routing).value()));
    node.router = system.spawn<Router>(RouterLimits{}, policy);
  }
  if (what.calls) {
    node.dispatcher = system.spawn<Dispatcher>();
    node.deadlines = system.spawn<Deadlines>();
  }
  settings.router = node.router;
  settings.dispatcher = node.dispatcher;
  for (std::uint32_t each = 0; each < options_.nodes.size(); ++each)
    if (options_.nodes[each].routes) settings.routers.push_back(NodeId{each});
  settings.link = node.link;
  settings.dialler = std::make_shared<LocalDialler>(*this, i);
  if (i == 0) settings.serving = serving;
  settings.tell = [events = node.events](const std::string& event, const std::string& who, const std::string& why) {
    events->push_back(event + " " + who + ": " + why);
  };
  node.neighbours = system.spawn<Neighbours>(std::move(settings));
  node.alive = true;
  node.life = ++lives_;
  if (auto machines = machines_of(i); !machines.empty()) {
    NearWay near;
    if (machines.size() > 1) {
      // What copies within a process loses and damages nothing.
      auto within = options_.network;
      within.fault = nullptr;
      near = {node.near = link::LocalNetwork::make(std::move(within))->add_node(),
              NodeId{static_cast<std::uint32_t>(i)}, node.router};
    }
    const auto when_empty = what.routes || what.calls ? WhenEmpty::kStay : WhenEmpty::kEnd;
    node.supervisor =
        system.spawn<Supervisor>(node.neighbours, std::move(machines), nullptr, std::move(near), when_empty);
  }
  if (what.routes && options_.balance) start_balancer(i);
  watch_over(i);
}

void Cluster::start_balancer(std::size_t i) {
  auto& node = nodes_.at(i);
  BalancerOptions settings;
  settings.interval = options_.balance_every;
  settings.active = false;
  settings.make_policy = [rule = *options_.balance] { return policies::make_role_policy("by_load", rule).value(); };
  settings.router = node.router;
  settings.orders = node.neighbours;
  settings.tell = [events = node.events](const std::string& machine, const std::string& role, const std::string& why) {
    events->push_back("orders " + machine + ": " + role + ", " + why);
  };
  node.balancer = system.spawn<Balancer>(std::move(settings));
  caf::anon_send(node.neighbours, WatchRouting{node.balancer});
}

void Cluster::watch_over(std::size_t i) {
  auto& node = nodes_.at(i);
  node.watch = system.spawn<NodeWatch>([this, i, life = node.life](const std::string& name, const std::string& why) {
    // Not while the watch handles the news: it is one of those that end.
    caf::anon_send(later_, exec::RunLater{[this, i, life, name, why] {
                     if (!nodes_[i].alive || nodes_[i].life != life) return;
                     kill(i);
                     if (options_.failed) options_.failed(i, name, why);
                   }});
  });
  const auto vital = [&](const char* name, const auto& actor) {
    if (actor) caf::anon_send(node.watch, WatchVital{name, actor.address()});
  };
  vital("neighbours", node.neighbours);
  vital("supervisor", node.supervisor);
  vital("router", node.router);
  vital("dispatcher", node.dispatcher);
  vital("deadlines", node.deadlines);
  vital("balancer", node.balancer);
}

void Cluster::after(std::chrono::nanoseconds time, std::function<void()> what) {
  caf::delayed_anon_send(later_, time, exec::RunLater{std::move(what)});
}

std::uint64_t Cluster::checksum_failures(std::size_t i) const {
  const auto& node = nodes_.at(i);
  return node.link->counters().checksum_failures + (node.near ? node.near->counters().checksum_failures : 0);
}

std::vector<MachineSpec> Cluster::machines_of(std::size_t i) {
  const auto& what = options_.nodes.at(i);
  std::uint32_t first = 0;
  for (std::size_t before = 0; before < i; ++before)
    first += static_cast<std::uint32_t>(options_.nodes[before].machines.size());
  std::vector<MachineSpec> machines;
  for (std::size_t m = 0; m < what.machines.size(); ++m) {
    MachineSpec spec;
    spec.id = MachineId{first + static_cast<std::uint32_t>(m)};
    spec.name = what.name + "-" + std::to_string(m);
    spec.role = what.machines[m];
    auto device = options_.device;
    if (what.blocks > 0) device.blocks = what.blocks;
    spec.device = options_.make_device ? options_.make_device(i, spec.id, std::move(device))
                                       : std::make_shared<device::HashDevice>(std::move(device));
    spec.max_batch_tokens = options_.max_batch_tokens;
    spec.prompt_tokens_beside_decodes = options_.prompt_tokens_beside_decodes;
    spec.token_limits = options_.token_limits;
    spec.slab = nodes_[i].link->add_slab(spec.device->kv_slab(), spec.device->info().kv);
    machines.push_back(std::move(spec));
  }
  return machines;
}

void Cluster::kill(std::size_t i) {
  auto& node = nodes_.at(i);
  if (!std::exchange(node.alive, false)) return;
  stall(i, false);
  node.link.reset();
  node.near.reset();
  for (auto& [other, wire] : node.wires) caf::anon_send_exit(wire, caf::exit_reason::kill);
  node.wires.clear();
  for (auto& each : nodes_) each.wires.erase(i);
  for (const auto& client : std::exchange(node.clients, {}))
    if (const auto actor = client.lock()) caf::anon_send_exit(actor, caf::exit_reason::kill);
  kill_actor(node.watch);
  kill_actor(node.neighbours);
  kill_actor(node.supervisor);
  kill_actor(node.balancer);
  kill_actor(node.router);
  kill_actor(node.dispatcher);
  kill_actor(node.deadlines);
}

void Cluster::cut(std::size_t i, bool is_cut) {
  nodes_.at(i).weather->cut = is_cut;
  if (!is_cut) deliver_held();
}

void Cluster::cut_pair(std::size_t i, std::size_t j, bool is_cut) {
  between(i, j)->cut = is_cut;
  if (!is_cut) deliver_held();
}

void Cluster::break_wire(std::size_t i, std::size_t j) {
  const auto wire = nodes_.at(i).wires.extract(j);
  nodes_.at(j).wires.erase(i);
  if (!wire.empty()) caf::anon_send_exit(wire.mapped(), caf::exit_reason::kill);
}

void Cluster::stall(std::size_t i, bool stalled) {
  nodes_.at(i).stalled = stalled;
  system.stall(static_cast<exec::Place>(i + 1), stalled);
}

std::shared_ptr<Weather>& Cluster::between(std::size_t i, std::size_t j) {
  auto& weather = pairs_[std::minmax(i, j)];
  if (!weather) weather = std::make_shared<Weather>();
  return weather;
}

bool Cluster::apart(std::size_t i, std::size_t j) const {
  const auto pair = pairs_.find(std::minmax(i, j));
  return nodes_.at(i).weather->cut || nodes_.at(j).weather->cut || (pair != pairs_.end() && pair->second->cut);
}

void Cluster::deliver_held() {
  for (const auto& node : nodes_)
    for (const auto& [other, wire] : node.wires) caf::anon_send(wire, FrameDue{});
}

void Cluster::connect(std::size_t from, std::size_t to, const NeighboursActor& reply_to) {
  auto& own = nodes_.at(from);
  auto& other = nodes_.at(to);
  const NodeId id{static_cast<std::uint32_t>(to)};
  if (!other.alive || apart(from, to)) {
    caf::anon_send(reply_to, DialResult{id, FrameActor{}, "nobody answers"});
    return;
  }
  const exec::VirtualSystem::At outside(system, exec::kNoPlace);
  const auto wire = system.spawn<Wire>(
      FrameActor{reply_to}, FrameActor{other.neighbours},
      std::vector<std::shared_ptr<Weather>>{own.weather, other.weather, between(from, to)}, options_.frame_delay);
  own.wires[to] = wire;
  other.wires[from] = wire;
  caf::anon_send(reply_to, DialResult{id, FrameActor{wire}, ""});
}

std::int32_t Cluster::change(const std::string& name, std::optional<policies::Role> role, std::optional<bool> draining,
                             std::size_t at) {
  const auto told = std::make_shared<std::int32_t>(0);
  caf::anon_send(nodes_.at(at).neighbours,
                 ChangeMachines{name, role, draining, [told](const Result<std::int32_t>& machines) {
                                  *told = machines.ok() ? *machines : -1;
                                }});
  system.settle();
  return *told;
}

Submitted Cluster::submit(std::shared_ptr<const RequestSpec> spec, std::size_t at) {
  auto& node = nodes_.at(at);
  const exec::VirtualSystem::At here(system, static_cast<exec::Place>(at + 1));
  Submitted request;
  request.spec = spec;
  request.requester = system.spawn<Requester>(request.answer);
  request.actor = system.spawn<Request>(std::move(spec), request.requester,
                                        RequestPeers{node.dispatcher, node.deadlines, tokenizer});
  const auto actor = caf::actor_cast<caf::strong_actor_ptr>(request.actor);
  actor->get()->attach_functor([gone = request.gone] { *gone = true; });
  node.clients.push_back(caf::actor_cast<caf::weak_actor_ptr>(request.actor));
  node.clients.push_back(caf::actor_cast<caf::weak_actor_ptr>(request.requester));
  return request;
}

void Cluster::finish(const std::vector<Submitted>& requests) {
  const auto ended = [&] {
    return std::all_of(requests.begin(), requests.end(), [](const Submitted& each) { return each.ended(); });
  };
  for (int i = 0; i < 600 && !ended(); ++i) pass(std::chrono::milliseconds{100});
}

std::optional<ClusterState> Cluster::ask(std::size_t i) {
  return answer_of<ClusterState>(system, nodes_.at(i).neighbours, QueryCluster{});
}

std::optional<LoadSnapshot> Cluster::loads(std::size_t i) {
  return answer_of<LoadSnapshot>(system, nodes_.at(i).router, QueryLoad{});
}

std::vector<std::string> Cluster::without_path(std::size_t i) const {
  std::vector<std::string> peers;
  for (const auto& event : events(i)) {
    const bool joined = event.starts_with("joined ");
    if (!joined && !event.starts_with("lost ")) continue;
    const auto begin = event.find(' ') + 1;
    const auto peer = event.substr(begin, event.find(':') - begin);
    std::erase(peers, peer);
    if (joined && event.find(": without a path") != std::string::npos) peers.push_back(peer);
  }
  return peers;
}

}  // namespace troupe::hunt
