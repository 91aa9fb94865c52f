// A cluster of production actors on one virtual scheduler: each node has its own neighbours actor, machines with hash
// devices and a link; between two nodes stands a wire that can be cut.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/dispatcher/dispatcher.hpp"
#include "actors/neighbours/neighbours.hpp"
#include "runtime/link/local_link.hpp"
#include "tests/unit/actors/supervisor/serving_fixture.hpp"

namespace troupe {

/// Runs functions later, on the actors' clock.
struct RunThis {
  std::function<void()> what;
};
using LaterActor = caf::typed_actor<caf::reacts_to<RunThis>>;

class Later final : public exec::Actor<LaterActor::base> {
 public:
  using Actor::Actor;
  LaterActor::behavior_type make_behavior() override {
    return {[](const RunThis& run) { run.what(); }};
  }
};

/// What may go wrong with one node's connections.
struct Weather {
  bool cut = false;  ///< nothing comes through until it is fine again, and nobody is told
};

/// The connection of two nodes: to each of them it is the other.
class Wire final : public exec::Actor<FrameActor::base> {
 public:
  Wire(caf::actor_config& config, FrameActor a, FrameActor b, std::vector<std::shared_ptr<Weather>> weather)
      : Actor(config), a_(std::move(a)), b_(std::move(b)), weather_(std::move(weather)) {}
  FrameActor::behavior_type make_behavior() override {
    return {[this](WireFrame& frame) {
      held_.emplace_back(caf::actor_cast<FrameActor>(current_sender()) == a_ ? b_ : a_, std::move(frame));
      for (const auto& weather : weather_)
        if (weather->cut) return;
      for (auto& [to, each] : held_) send(to, std::move(each));
      held_.clear();
    }};
  }
  void on_exit() override {
    a_ = nullptr;
    b_ = nullptr;
    held_.clear();
  }

 private:
  FrameActor a_, b_;
  std::vector<std::pair<FrameActor, WireFrame>> held_;  // as TCP keeps what does not get through
  std::vector<std::shared_ptr<Weather>> weather_;
};

struct ClusterNode {
  std::string name;
  std::vector<policies::Role> machines;
  std::int32_t blocks = 0;  ///< of each machine; 0: as the device's options say
  bool routes = false;      ///< has a router; node 0 always has
  bool calls = false;       ///< requests may live there; node 0 always takes them
};

struct ClusterOptions {
  std::uint64_t seed = exec::VirtualScheduler::kInOrder;
  std::vector<ClusterNode> nodes = {
      {"front", {}}, {"prompt0", {policies::Role::kPrompt}}, {"token0", {policies::Role::kToken}}};
  device::HashDeviceOptions device{.blocks = 256, .vocab_size = kLetters, .layers = 3};
  std::int32_t max_batch_tokens = 2048;
  link::LocalOptions network = {};  ///< but for the clock
  policies::RoutingSettings routing = {};
};

/// Node 0 routes and takes requests; others may, too.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options = {}) : options_(std::move(options)), system(options_.seed) {
    later_ = system.spawn<Later>();
    options_.network.later = [later = later_](std::chrono::nanoseconds after, std::function<void()> what) {
      caf::delayed_anon_send(later, after, RunThis{std::move(what)});
    };
    options_.network.now = [this] { return std::chrono::nanoseconds(system.now().time_since_epoch()); };
    network_ = link::LocalNetwork::make(options_.network);
    options_.nodes.front().routes = options_.nodes.front().calls = true;
    deadlines = system.spawn<Deadlines>();
    for (std::size_t i = 0; i < options_.nodes.size(); ++i) nodes_.emplace_back();
    for (std::size_t i = 0; i < options_.nodes.size(); ++i) start(i);
    pass(std::chrono::seconds{2});
  }
  ~Cluster() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) kill(i);
    system.settle();
  }

  /// Starts a node, or starts it again after kill().
  void start(std::size_t i) {
    auto& node = nodes_.at(i);
    node.weather = std::make_shared<Weather>();
    node.link = network_->add_node();
    node.events = std::make_shared<std::vector<std::string>>();
    NeighboursOptions settings;
    settings.cluster = "virtual";
    settings.build = "test";
    settings.self = NodeId{static_cast<std::uint32_t>(i)};
    for (const auto& each : options_.nodes) settings.nodes.push_back(each.name);
    settings.model = "hash";
    settings.incarnation = ++draws_;
    settings.draw = [this] { return mix64(++draws_); };
    if (options_.nodes[i].routes) {
      const RoutingPolicyActor policy = system.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(
          policies::make_routing_policy("splitwise", options_.routing).value()));
      node.router = system.spawn<Router>(RouterLimits{}, policy);
    }
    if (options_.nodes[i].calls) node.dispatcher = system.spawn<Dispatcher>();
    settings.router = node.router;
    settings.dispatcher = node.dispatcher;
    for (std::uint32_t each = 0; each < options_.nodes.size(); ++each)
      if (options_.nodes[each].routes) settings.routers.push_back(NodeId{each});
    settings.link = node.link;
    settings.dialler = std::make_shared<TestDialler>(*this, i);
    settings.serving = serving;
    if (i != 0) settings.serving = nullptr;
    settings.tell = [events = node.events](const std::string& event, const std::string& who, const std::string& why) {
      events->push_back(event + " " + who + ": " + why);
    };
    node.neighbours = system.spawn<Neighbours>(std::move(settings));
    node.alive = true;
    std::vector<MachineSpec> machines;
    std::uint32_t first = 0;
    for (std::size_t before = 0; before < i; ++before)
      first += static_cast<std::uint32_t>(options_.nodes[before].machines.size());
    for (std::size_t m = 0; m < options_.nodes[i].machines.size(); ++m) {
      MachineSpec spec;
      spec.id = MachineId{first + static_cast<std::uint32_t>(m)};
      spec.name = options_.nodes[i].name + "-" + std::to_string(m);
      spec.role = options_.nodes[i].machines[m];
      auto device = options_.device;
      if (options_.nodes[i].blocks > 0) device.blocks = options_.nodes[i].blocks;
      spec.device = std::make_shared<device::HashDevice>(device);
      spec.max_batch_tokens = options_.max_batch_tokens;
      spec.slab = node.link->add_slab(spec.device->kv_slab(), spec.device->info().kv);
      machines.push_back(std::move(spec));
    }
    node.devices.clear();
    for (const auto& machine : machines) node.devices.push_back(machine.device);
    if (!machines.empty()) node.supervisor = system.spawn<Supervisor>(node.neighbours, std::move(machines));
  }

  /// The process is gone: connections break, nothing of it runs any more.
  void kill(std::size_t i) {
    auto& node = nodes_.at(i);
    if (!std::exchange(node.alive, false)) return;
    node.link.reset();
    for (auto& [other, wire] : node.wires) caf::anon_send_exit(wire, caf::exit_reason::kill);
    node.wires.clear();
    for (auto& each : nodes_) each.wires.erase(i);
    caf::anon_send_exit(node.neighbours, caf::exit_reason::kill);
    if (node.supervisor) caf::anon_send_exit(node.supervisor, caf::exit_reason::kill);
    if (node.router) caf::anon_send_exit(node.router, caf::exit_reason::kill);
    if (node.dispatcher) caf::anon_send_exit(node.dispatcher, caf::exit_reason::kill);
    node.neighbours = nullptr;
    node.supervisor = nullptr;
    node.router = nullptr;
    node.dispatcher = nullptr;
  }

  /// Frames to and from the node come through when the weather is fine again; KV always does.
  void cut(std::size_t i, bool is_cut = true) { nodes_.at(i).weather->cut = is_cut; }

  /// How many machines the node `at` told; -1 where it refused.
  std::int32_t change(const std::string& name, std::optional<policies::Role> role, std::optional<bool> draining,
                      std::size_t at = 0) {
    auto told = std::make_shared<std::int32_t>(0);
    caf::anon_send(nodes_.at(at).neighbours,
                   ChangeMachines{name, role, draining, [told](const Result<std::int32_t>& machines) {
                                    *told = machines.ok() ? *machines : -1;
                                  }});
    system.settle();
    return *told;
  }

  void pass(std::chrono::nanoseconds time) { system.pass(time); }

  /// `at`: the node where the request lives.
  Submitted submit(std::shared_ptr<const RequestSpec> spec, std::size_t at = 0) {
    Submitted request;
    request.spec = spec;
    request.requester = system.spawn<Requester>(request.answer);
    request.actor = system.spawn<Request>(std::move(spec), request.requester,
                                          RequestPeers{nodes_.at(at).dispatcher, deadlines, tokenizer});
    return request;
  }

  /// Lets time pass until every request has ended, or for a minute.
  void finish(const std::vector<Submitted>& requests) {
    const auto ended = [&] {
      return std::all_of(requests.begin(), requests.end(), [](const Submitted& each) { return each.ended(); });
    };
    for (int i = 0; i < 600 && !ended(); ++i) pass(std::chrono::milliseconds{100});
  }

  ClusterState state(std::size_t i = 0) {
    caf::scoped_actor self{system.actors()};
    auto asked = self->request(nodes_.at(i).neighbours, caf::infinite, QueryCluster{});
    system.settle();
    ClusterState state;
    asked.receive([&](const ClusterState& s) { state = s; }, [](caf::error&) { ADD_FAILURE() << "no answer"; });
    return state;
  }

  /// Every node that lives says of its own machines that nothing is held and nothing to do.
  void expect_all_blocks_free() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].alive) continue;
      for (const auto& machine : state(i).machines) {
        if (machine.node != options_.nodes[i].name) continue;
        EXPECT_EQ(machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)], machine.blocks.total)
            << machine.name;
        EXPECT_EQ(machine.blocks.leases, 0) << machine.name;
        EXPECT_EQ(machine.prompts.waiting + machine.prompts.running, 0) << machine.name;
        EXPECT_EQ(machine.tokens.waiting + machine.tokens.running, 0) << machine.name;
      }
    }
  }

  static void expect_right(const Submitted& request) {
    EXPECT_EQ(request.answer->ends.size(), 1u) << request.spec->id;
    if (request.answer->ends.empty()) return;
    EXPECT_EQ(request.end().reason, FinishReason::kLength)
        << request.spec->id << (request.end().error ? ": " + request.end().error->message : "");
    EXPECT_TRUE(request.answer->contiguous);
    EXPECT_EQ(request.answer->tokens, Serving::expected(*request.spec)) << request.spec->id;
  }

  const NeighboursActor& neighbours(std::size_t i) const { return nodes_.at(i).neighbours; }
  const std::vector<std::string>& events(std::size_t i) const { return *nodes_.at(i).events; }
  const RouterActor& router(std::size_t i = 0) const { return nodes_.at(i).router; }
  link::Counters link_counters(std::size_t i) const { return nodes_.at(i).link->counters(); }

 private:
  struct Node {
    bool alive = false;
    NeighboursActor neighbours;
    SupervisorActor supervisor;
    RouterActor router;
    DispatcherActor dispatcher;
    std::shared_ptr<link::Link> link;
    std::shared_ptr<Weather> weather;
    std::vector<std::shared_ptr<device::Device>> devices;
    std::map<std::size_t, FrameActor> wires;  // by the other node
    std::shared_ptr<std::vector<std::string>> events;
  };

  class TestDialler final : public Dialler {
   public:
    TestDialler(Cluster& cluster, std::size_t self) : cluster_(cluster), self_(self) {}
    void dial(NodeId to, const NeighboursActor& reply_to) override {
      auto& other = cluster_.nodes_.at(to.value);
      auto& own = cluster_.nodes_.at(self_);
      if (!other.alive || other.weather->cut || own.weather->cut) {
        caf::anon_send(reply_to, DialResult{to, FrameActor{}, "nobody answers"});
        return;
      }
      const FrameActor wire =
          cluster_.system.spawn<Wire>(FrameActor{reply_to}, FrameActor{other.neighbours},
                                      std::vector<std::shared_ptr<Weather>>{own.weather, other.weather});
      own.wires[to.value] = wire;
      other.wires[self_] = wire;
      caf::anon_send(reply_to, DialResult{to, wire, ""});
    }

   private:
    Cluster& cluster_;
    std::size_t self_;
  };

  ClusterOptions options_;
  std::uint64_t draws_ = 0;

 public:
  exec::VirtualSystem system;
  std::shared_ptr<const model::Tokenizer> tokenizer = letters();
  DeadlinesActor deadlines;
  std::shared_ptr<std::atomic<std::int32_t>> serving = std::make_shared<std::atomic<std::int32_t>>(0);

 private:
  LaterActor later_;
  std::shared_ptr<link::LocalNetwork> network_;
  std::vector<Node> nodes_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RunThis)
