// A cluster of production actors on one virtual scheduler: each node has its own neighbours actor, machines with hash
// devices and a link; between two nodes stands a wire. What tests and the fault hunt play with.
//
// Owns: the virtual system, the nodes and their network. Promises: the same options and the same calls give the same
// run. A node that is killed takes its requests with it, as its process would.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/dispatcher/dispatcher.hpp"
#include "actors/neighbours/neighbours.hpp"
#include "actors/policies/role_policy.hpp"
#include "actors/policies/routing_policy.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/router/router.hpp"
#include "actors/supervisor/node_watch.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/device/hash_device.hpp"
#include "runtime/exec/later.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/link/local_link.hpp"
#include "tools/hunt/clients.hpp"
#include "tools/hunt/wire.hpp"

namespace troupe::hunt {

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
  /// Makes a machine's device of these options; none: a hash device.
  std::function<std::shared_ptr<device::Device>(std::size_t node, MachineId, device::HashDeviceOptions)> make_device =
      {};
  std::int32_t max_batch_tokens = 2048;
  std::int32_t prompt_tokens_beside_decodes = 512;
  TokenLimits token_limits = {};
  link::LocalOptions network = {};  ///< but for the clock
  /// Asked for each control frame: how long it takes. None: no time.
  std::function<std::chrono::nanoseconds()> frame_delay = {};
  policies::RoutingSettings routing = {};
  std::string policy = "splitwise";
  /// Nodes that route have a balancer that follows the rule "by_load", looking so often; none: roles stay.
  std::optional<policies::RoleSettings> balance = {};
  std::chrono::milliseconds balance_every{50};
  /// Told when a node has ended of itself, as one of the actors that it cannot do without has: which, and why.
  std::function<void(std::size_t node, const std::string& actor, const std::string& why)> failed = {};
  std::chrono::nanoseconds warm_up = std::chrono::seconds{2};  ///< passes before anything is asked
};

/// Node 0 routes and takes requests; others may, too.
class Cluster {
 public:
  /// Actors that are left when every node is dead and their messages are handled.
  static constexpr std::size_t kOwnActors = 1;

  explicit Cluster(ClusterOptions options = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Starts a node, or starts it again after kill().
  void start(std::size_t i);
  /// The process is gone: connections break, nothing of it runs any more.
  void kill(std::size_t i);
  /// Does something later, as nobody of the cluster.
  void after(std::chrono::nanoseconds time, std::function<void()> what);
  /// Whether frames between the two do not come through.
  bool apart(std::size_t i, std::size_t j) const;
  /// The node whose link has this number in link::Travelling.
  std::size_t node_of_link(std::uint64_t number) const { return link_nodes_.at(number - 1); }
  /// Another number each time that the node is started.
  std::uint64_t life(std::size_t i) const { return nodes_.at(i).life; }
  bool alive(std::size_t i) const { return nodes_.at(i).alive; }

  /// Frames to and from the node come through when the weather is fine again; KV always does.
  void cut(std::size_t i, bool is_cut = true);
  /// The same for the frames between two nodes.
  void cut_pair(std::size_t i, std::size_t j, bool is_cut = true);
  /// The connection of two nodes is lost with all that is on the way; both may dial again.
  void break_wire(std::size_t i, std::size_t j);
  /// The node's actors handle nothing until it wakes; what comes for them waits.
  void stall(std::size_t i, bool stalled = true);

  /// How many machines the node `at` told; -1 where it refused.
  std::int32_t change(const std::string& name, std::optional<policies::Role> role, std::optional<bool> draining,
                      std::size_t at = 0);

  void pass(std::chrono::nanoseconds time) { system.pass(time); }

  /// `at`: the node where the request lives.
  Submitted submit(std::shared_ptr<const RequestSpec> spec, std::size_t at = 0);
  /// Lets time pass until every request has ended, or for a minute.
  void finish(const std::vector<Submitted>& requests);

  /// What the node tells of the cluster; nothing where it does not answer.
  std::optional<ClusterState> ask(std::size_t i = 0);
  /// What its router counts.
  std::optional<LoadSnapshot> loads(std::size_t i = 0);

  std::size_t size() const { return nodes_.size(); }
  const ClusterOptions& options() const { return options_; }
  const NeighboursActor& neighbours(std::size_t i) const { return nodes_.at(i).neighbours; }
  /// The peers with which the node has a session without a path for KV, by its log.
  std::vector<std::string> without_path(std::size_t i) const;
  const std::vector<std::string>& events(std::size_t i) const { return *nodes_.at(i).events; }
  const RouterActor& router(std::size_t i = 0) const { return nodes_.at(i).router; }
  link::Counters link_counters(std::size_t i) const { return nodes_.at(i).link->counters(); }
  /// Pieces of KV that came with another checksum than their bytes, to the node or within it.
  std::uint64_t checksum_failures(std::size_t i) const;
  bool stalled(std::size_t i) const { return nodes_.at(i).stalled; }

 private:
  struct Node {
    bool alive = false;
    bool stalled = false;
    std::uint64_t life = 0;  // another one each time that it is started
    NodeWatchActor watch;
    NeighboursActor neighbours;
    SupervisorActor supervisor;
    BalancerActor balancer;
    RouterActor router;
    DispatcherActor dispatcher;
    DeadlinesActor deadlines;
    std::shared_ptr<link::Link> link;
    std::shared_ptr<link::Link> near;  // between its machines
    std::shared_ptr<Weather> weather;
    std::map<std::size_t, WireActor> wires;  // by the other node
    std::shared_ptr<std::vector<std::string>> events;
    std::vector<caf::weak_actor_ptr> clients;  // requests that live there, and their requesters
  };

  class LocalDialler final : public Dialler {
   public:
    LocalDialler(Cluster& cluster, std::size_t self) : cluster_(cluster), self_(self) {}
    void dial(NodeId to, const NeighboursActor& reply_to) override { cluster_.connect(self_, to.value, reply_to); }

   private:
    Cluster& cluster_;
    std::size_t self_;
  };

  std::vector<MachineSpec> machines_of(std::size_t i);
  void connect(std::size_t from, std::size_t to, const NeighboursActor& reply_to);
  std::shared_ptr<Weather>& between(std::size_t i, std::size_t j);
  void deliver_held();
  void start_balancer(std::size_t i);
  void watch_over(std::size_t i);

  ClusterOptions options_;
  std::uint64_t draws_ = 0;
  std::uint64_t lives_ = 0;

 public:
  exec::VirtualSystem system;
  std::shared_ptr<const model::Tokenizer> tokenizer = letters();
  std::shared_ptr<std::atomic<std::int32_t>> serving = std::make_shared<std::atomic<std::int32_t>>(0);

 private:
  exec::LaterActor later_;
  std::shared_ptr<link::LocalNetwork> network_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> link_nodes_;  // by the order in which links were added
  std::map<std::pair<std::size_t, std::size_t>, std::shared_ptr<Weather>> pairs_;
};

}  // namespace troupe::hunt
