// The other nodes of the cluster, as this one sees them.
// Owns: the session with each (who it is, when it was last heard), what is known of its machines, the landings that
// were opened for it, and the requests that it asked this node to serve. Promises: a node that falls silent, or whose
// connection breaks, is lost within `silence`: its machines leave the router, its landings close, what it asked for is
// given up and its blocks come home; frames of a session that was given up are refused. It ends with any of its
// stand-ins, and the node with it. Refuses: nodes of another cluster or another protocol, each with the reason.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/messages/neighbours.hpp"
#include "actors/neighbours/stand_ins.hpp"
#include "actors/recorder/recorder.hpp"
#include "actors/wire/wire.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// Reaches other nodes' neighbours actors. Answers each dial with one DialResult; must not block.
class Dialler {
 public:
  virtual ~Dialler() = default;
  virtual void dial(NodeId node, const NeighboursActor& reply_to) = 0;
};

struct NeighboursOptions {
  std::string cluster;
  std::string build;
  NodeId self;
  std::vector<std::string> nodes;  ///< names of all nodes, this one's too, by id
  std::string model;               ///< fingerprint of the weights that this node's machines hold
  std::uint64_t incarnation = 0;   ///< another one each time the node starts
  std::uint32_t pid = 0;
  std::chrono::milliseconds heartbeat{250};
  std::chrono::milliseconds silence{1500};
  std::uint64_t first_epoch = 1;        ///< of this node's orders: later than those of any router before it
  std::function<std::uint64_t()> draw;  ///< 64 random bits, for sessions and tickets
  RouterActor router;                   ///< none where this node never routes
  DispatcherActor dispatcher;           ///< none where no requests live
  std::vector<NodeId> routers;          ///< nodes that have a router, this one too where it has
  RecorderActor recorder;               ///< what this node remembers; none: nothing
  std::shared_ptr<link::Link> link;
  std::shared_ptr<Dialler> dialler;
  /// What happened to a node, for the log: "joined", "lost", "refused", and why. Called inside the actor.
  std::function<void(const std::string& event, const std::string& node, const std::string& why)> tell;
  /// Kept at how many machines serve; 0 while nobody routes.
  std::shared_ptr<std::atomic<std::int32_t>> serving;
};

class Neighbours final : public exec::Actor<NeighboursActor::base> {
 public:
  Neighbours(caf::actor_config& config, NeighboursOptions options);
  const char* name() const override { return "neighbours"; }

 protected:
  NeighboursActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct RemoteMachine {
    MachineJoined what;
    wire::MachineBeat beat;
    std::uint64_t epoch = 0;  // of the last order that it carried out
  };
  /// How far a peer's clock is ahead of this node's, by the beats' round trips.
  struct PeerClock {
    std::uint64_t heard_beat = 0;
    TimePoint heard_at;
    std::int64_t ahead_ns = 0;
    std::int64_t error_ns = std::numeric_limits<std::int64_t>::max();
  };
  /// Traces that other nodes are asked to complete.
  struct Gathering {
    GatherTraces what;
    std::map<std::uint64_t, std::pair<std::size_t, NodeId>> missing;  // by query: which trace, whose answer
  };
  /// A machine's blocks that another node is asked about.
  struct BlocksAsked {
    caf::typed_response_promise<BlocksFound> promise;
    NodeId node;
    std::string machine;
  };
  /// All nodes are asked how they reach their peers, one after another.
  struct Examination {
    caf::typed_response_promise<PathsFound> promise;
    std::uint64_t number = 0;  // of the whole
    std::uint64_t query = 0;   // to the first of to_ask
    std::deque<NodeId> to_ask;
    std::vector<NodePaths> found;
  };
  /// This node measures the ways to its peers, one after another.
  struct Probing {
    std::deque<NodeId> to_probe;
    std::vector<PathReport> found;
  };
  /// Work that a peer asked this node to do.
  struct Served {
    Attempt attempt = 0;
    MachineId machine;
  };
  struct Peer {
    std::string name;
    FrameActor handle;  // none: away
    bool dialling = false;
    std::uint64_t offered = 0;  // the session that we proposed
    // A session that the peer proposed and we agreed to; it begins when the peer first uses it. Hellos may have waited
    // in a connection for long, and the peer has given all but the last of them up.
    std::optional<wire::Hello> greeting;
    FrameActor greeter;
    std::uint64_t session = 0;  // 0: none that both agreed on
    std::uint64_t incarnation = 0;
    std::uint32_t pid = 0;
    TimePoint heard;
    PeerClock clock;
    std::optional<link::PeerId> link;
    ProgressActor requests;                         // stands for the requests that live there
    RoutesActor router;                             // stands for its router; none where it has none
    RoutedActor dispatcher;                         // stands for its dispatcher
    bool routes = false;                            // it takes itself for the active router
    std::optional<link::Probe> way;                 // to it, as measured in this session
    TimePoint settled_at;                           // when the session began
    std::optional<TimePoint> measured_at;           // or tried
    std::unordered_map<RequestId, Attempt> routed;  // its requests that the router here knows of
    std::map<MachineId, RemoteMachine> machines;
    std::set<MachineId> lost;  // machines that it had when it was lost
    std::unordered_map<RequestId, Served> admitted;
  };
  /// A prompt that another node runs for a token actor here.
  struct Landing {
    NodeId from;
    MachineId prompt_machine;
    RequestId id;
    Attempt attempt = 0;
    PromptClientActor client;
    ProgressActor request;
    bool cancelled = false;  // by the client, who wants to hear PromptCancelled and nothing else
  };
  struct LocalMachine {
    MachineJoined what;
    KvSenderActor kv_sender;
    std::uint64_t epoch = 0;  // of the last order
  };
  /// A request to admit whose prompt machine is not known here yet.
  struct Early {
    NodeId from;
    TimePoint since;
    wire::Admit what;
  };

  // neighbours.cpp: sessions
  void on(const WireFrame& frame);
  void on(const DialResult& dialled);
  void tick();
  void greet(Peer& peer);
  wire::Hello introduce() const;
  void on_hello(const wire::Hello& hello, std::uint64_t session, const FrameActor& from);
  void settle(NodeId id, const wire::Hello& hello);
  void lose(NodeId id, const std::string& why);
  void on(const caf::down_msg& down);
  /// Spawned by this actor, and as vital as it is.
  template <class Handle>
  Handle stand_in(Handle actor) {
    monitor(actor);
    stand_ins_.insert(actor.id());
    return actor;
  }
  void on(const LinkBroken& broken);
  void refuse(const FrameActor& to, std::uint64_t session, std::string why, bool again);
  void send_frame(const FrameActor& to, std::uint64_t session, wire::Message message);
  bool send_to(NodeId id, wire::Message message);
  std::optional<NodeId> sender_of(std::uint64_t session) const;

  // machines.cpp: who has which machines
  void on(MachineJoined& joined);
  void on(const MachineLeft& left);
  void announce(NodeId id);
  void on(const ChangeMachines& change);
  void handle(NodeId from, const wire::Order& order);
  void carry_out(MachineId machine, const wire::Order& order);
  void handle(NodeId from, wire::MachineUp& up);
  void handle(NodeId from, const wire::MachineDown& down);
  void handle(NodeId from, wire::Beat& beat);
  void tell_kv_room(const wire::MachineBeat& beat);
  void count_serving();
  caf::typed_response_promise<ClusterState> state();
  /// The node of a remote machine, and the machine.
  std::pair<NodeId, RemoteMachine*> remote(MachineId machine);

  // routers.cpp: who routes, and routing for other nodes' requests
  void elect();
  bool may_route(NodeId id) const;
  void on(const WatchRouting& watch);
  void on(RouteElsewhere& route);
  void on(AnswerElsewhere& answer);
  void handle(NodeId from, wire::RouteAsk& ask);
  void handle(NodeId from, wire::RouteAnswer& answer);
  void handle(NodeId from, const wire::RouteNews& news);
  void handle(NodeId from, const wire::RouteLost& lost);
  /// The machine's actors here, be they stand-ins. Null where no such machine is known.
  const MachineJoined* machine(MachineId id);
  void tell_routing(const MachineJoined& joined);
  void tell_routing(const MachineLeft& left);

  // links.cpp: how fast KV reaches other nodes
  void measure(NodeId id);
  bool calm(const Peer& peer) const;
  void on(const LinkProbed& probed);
  void on(LinkSays& says);
  void handle(NodeId from, wire::LinkWord& word);
  std::vector<wire::LinkBeat> links() const;
  void tell_links(NodeId from, const std::vector<wire::LinkBeat>& links);

  // requests.cpp: requests served elsewhere, and others' served here
  void on(AdmitElsewhere& admit);
  void on(const CancelElsewhere& cancel);
  void on(RunPromptElsewhere& run);
  void on(const CancelPromptElsewhere& cancel);
  void on(ReportElsewhere& report);
  void on(const LandingEnded& ended);
  void on(const LandingDue& due);
  void on(const KvSendEnded& ended);
  void handle(NodeId from, wire::Admit& admit);
  void handle(NodeId from, const wire::Cancel& cancel);
  void handle(NodeId from, wire::StartPrompt& start);
  void handle(NodeId from, const wire::StopPrompt& stop);
  void handle(NodeId from, const wire::PromptStopped& stopped);
  void handle(NodeId from, wire::Progress& progress);

  // traces.cpp: one request's messages across nodes
  void on(GatherTraces& gather);
  void finish_gathering(std::uint64_t id);
  void handle(NodeId from, const wire::TraceQuery& query);
  void handle(NodeId from, wire::TraceReply& reply);
  wire::Beat beat_for(Peer& peer);
  void note_clock(Peer& peer, const wire::Beat& beat);
  // inspection.cpp: what people ask of machines
  caf::typed_response_promise<BlocksFound> on(const QueryBlocks& query);
  void on(const InspectionDue& due);
  void handle(NodeId from, const wire::BlocksQuery& query);
  void handle(NodeId from, wire::BlocksReply& reply);
  /// What a pool told, with the nodes' names.
  MachineBlocks named(const PoolLeases& leases) const;

  // probing.cpp: how nodes reach each other
  caf::typed_response_promise<PathsFound> on(const QueryPaths& query);
  void ask_next_node();
  void on_paths(NodeId from, std::uint64_t query, std::vector<PathReport> paths);
  void end_examination();
  void handle(NodeId from, const wire::ProbeQuery& query);
  void handle(NodeId from, wire::ProbeReply& reply);
  void probe_peers();
  void probe_next_peer();
  void on(const PeerProbed& probed);
  PathReport report_on(const Peer& peer) const;

  void handle(NodeId, const wire::Hello&) {}
  void handle(NodeId, const wire::Refused&) {}
  /// Why a machine here cannot do what another node asks of it; whoever asks may be wrong, or hostile.
  static std::optional<Error> why_not(const MachineJoined& machine, const RequestSpec& spec,
                                      const std::vector<TokenId>& generated);
  void admit_here(NodeId from, wire::Admit& admit, const PromptActor& prompt);
  void admit_early();
  /// Where the request's actor lives; one that lives here is remembered, so that news find it.
  NodeId home_of(RequestId request, const ProgressActor& actor);
  void unable(const ProgressActor& request, RequestId id, Attempt attempt, const std::string& why);

  NeighboursOptions options_;
  TimePoint born_;
  std::optional<NodeId> active_;  // who routes
  BalancerActor balancer_;        // acts while this node routes; none where there is none
  std::map<NodeId, Peer> peers_;
  std::map<MachineId, LocalMachine> local_;
  std::unordered_map<RequestId, ProgressActor> here_;  // requests that live here and are served elsewhere
  std::unordered_map<Ticket, Landing> landings_;
  std::vector<Early> early_;
  std::unordered_map<caf::actor_id, RequestId> here_ids_;
  std::unordered_set<caf::actor_id> stand_ins_;
  SupervisorActor supervisor_;
  std::vector<wire::MachineBeat> latest_;  // of the local machines
  std::uint64_t beats_ = 0;
  std::array<TimePoint, 64> beat_times_{};  // of the last ones, by number
  std::map<std::uint64_t, Gathering> gatherings_;
  std::map<std::uint64_t, BlocksAsked> blocks_asked_;  // by query
  std::optional<Examination> examination_;
  std::optional<Probing> probing_;
  std::map<NodeId, std::uint64_t> probe_askers_;  // who wants to know what it finds, by which query
  std::uint64_t last_query_ = 0;
  std::uint64_t last_epoch_ = 0;  // of the orders that this node gave
  bool asked_ = false;            // the supervisor, for `latest_`
};

}  // namespace troupe
