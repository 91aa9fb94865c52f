// What the actors of one node say to each other about the other nodes of the cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/balancing.hpp"
#include "actors/messages/cluster.hpp"
#include "actors/messages/routing.hpp"
#include "actors/messages/work.hpp"
#include "runtime/link/link.hpp"
#include "runtime/trace/request_trace.hpp"

namespace troupe {

/// The one message that CAF carries between nodes: a frame as actors/wire writes it.
struct WireFrame {
  std::vector<char> bytes;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, WireFrame& frame) {
  return inspector(caf::meta::type_name("troupe::WireFrame"), frame.bytes);
}

/// All that nodes know of each other's actors.
using FrameActor = caf::typed_actor<caf::reacts_to<WireFrame>>;

/// One piece of news about a request, for wherever its actor lives.
using RequestNews = std::variant<TokenProduced, RequestFailed, RequestReleased>;

struct DialResult;
struct NeighboursTick;
struct WatchRouting;
struct RouteElsewhere;
struct AnswerElsewhere;
struct AdmitElsewhere;
struct CancelElsewhere;
struct RunPromptElsewhere;
struct CancelPromptElsewhere;
struct ReportElsewhere;
struct LandingEnded;
struct LandingDue;
struct LinkBroken;
struct LinkSays;
struct KvSendEnded;
struct GatherTraces;
struct ChangeMachines;
struct GatheringDue;
struct SendKv;
struct StopKv;
struct PeerGone;
struct KvPushed;
struct PushLayersFrom;
struct LinkProbed;
struct FlushNews;
struct InspectionDue;
struct PeerProbed;

/// Speaks for the other nodes of the cluster; see actors/neighbours.
using NeighboursActor = caf::typed_actor<
    caf::reacts_to<WireFrame>, caf::reacts_to<MachineJoined>, caf::reacts_to<MachineLeft>, caf::reacts_to<DialResult>,
    caf::reacts_to<NeighboursTick>, caf::reacts_to<WatchRouting>, caf::reacts_to<RouteElsewhere>,
    caf::reacts_to<AnswerElsewhere>, caf::reacts_to<AdmitElsewhere>, caf::reacts_to<CancelElsewhere>,
    caf::reacts_to<RunPromptElsewhere>, caf::reacts_to<CancelPromptElsewhere>, caf::reacts_to<ReportElsewhere>,
    caf::reacts_to<LandingEnded>, caf::reacts_to<LandingDue>, caf::reacts_to<LinkProbed>, caf::reacts_to<LinkBroken>,
    caf::reacts_to<LinkSays>, caf::reacts_to<KvSendEnded>, caf::reacts_to<GatherTraces>, caf::reacts_to<ChangeMachines>,
    caf::reacts_to<GatheringDue>, caf::replies_to<QueryCluster>::with<ClusterState>,
    caf::replies_to<QueryBlocks>::with<BlocksFound>, caf::reacts_to<InspectionDue>,
    caf::replies_to<QueryPaths>::with<PathsFound>, caf::reacts_to<PeerProbed>>;

/// Carries out what an operator or the balancer orders. Part of the neighbours actor's interface.
using MachineOrdersActor = caf::typed_actor<caf::reacts_to<ChangeMachines>>;

/// Runs prompts on one machine for token machines elsewhere and sends their KV away; see actors/kv_sender.
using KvSenderActor =
    caf::typed_actor<caf::reacts_to<SendKv>, caf::reacts_to<StopKv>, caf::reacts_to<PeerGone>, caf::reacts_to<KvPushed>,
                     caf::reacts_to<PromptCommitted>, caf::reacts_to<PromptCancelled>, caf::reacts_to<KvWritten>,
                     caf::reacts_to<BlocksReserved>, caf::reacts_to<BlocksRefused>, caf::reacts_to<BlocksAvailable>,
                     caf::reacts_to<PushLayersFrom>>;

/// Told when nothing more comes of a transfer. Whoever commands a KV sender.
using KvReceiverActor = caf::typed_actor<caf::reacts_to<KvSendEnded>>;

/// Carries prompts between the machines of one node; see actors/hand_over.
using HandOverActor =
    caf::typed_actor<caf::reacts_to<MachineJoined>, caf::reacts_to<MachineLeft>, caf::reacts_to<RunPromptElsewhere>,
                     caf::reacts_to<CancelPromptElsewhere>, caf::reacts_to<LandingEnded>, caf::reacts_to<LandingDue>,
                     caf::reacts_to<KvSendEnded>, caf::reacts_to<LinkProbed>>;

/// How an attempt to reach another node went.
struct DialResult {
  NodeId node;
  FrameActor peer;      ///< none where it failed
  std::string why_not;  ///< for people
};

/// From the neighbours actor to itself, every heartbeat.
struct NeighboursTick {};

/// Command: tell this node's balancer whether its router is the active one, now and whenever that changes.
struct WatchRouting {
  BalancerActor balancer;
};

// From the stand-ins of another node's actors (actors/neighbours/stand_ins.hpp); those about prompts also from the
// stand-ins of another machine's (actors/hand_over/near_prompt.hpp).
struct RouteElsewhere {
  NodeId router;
  std::variant<RouteRequest, AdoptRequest, PromptPhaseDone, RequestLeft> what;
};
struct AnswerElsewhere {
  NodeId home;
  std::variant<Routed, RouteRefused, MachineLost> what;
};
struct AdmitElsewhere {
  MachineId machine;
  AdmitRequest what;
};
struct CancelElsewhere {
  MachineId machine;
  CancelRequest what;
};
struct RunPromptElsewhere {
  MachineId machine;
  RunPrompt what;
};
struct CancelPromptElsewhere {
  MachineId machine;
  CancelPrompt what;
  PromptClientActor client;
};
struct ReportElsewhere {
  NodeId home;
  std::vector<RequestNews> news;
};

/// From a stand-in to itself: what was collected goes out, once the messages that came with it are in.
struct FlushNews {};

/// From the link: a landing has ended, well or not.
struct LandingEnded {
  RequestId request;
  Ticket ticket;
  std::shared_ptr<const Result<link::Arrival>> how;
};

/// From the neighbours actor to itself: all was sent under this ticket some time ago.
struct LandingDue {
  Ticket ticket;
};

/// From the link: nothing gets through to this peer any more.
struct LinkBroken {
  link::PeerId peer;
  std::string why;
};

/// From the link: take this word to the peer's.
struct LinkSays {
  link::PeerId peer;
  std::string word;
};

/// Command: add what the other nodes remember of these requests, then call `with`, once.
struct GatherTraces {
  std::vector<trace::RequestTrace> traces;
  std::function<void(std::vector<trace::RequestTrace>)> with;
};

/// From the link: how fast a node is reached, where that could be measured.
struct LinkProbed {
  NodeId to;
  link::PeerId peer;
  std::shared_ptr<const Result<link::Probe>> how;
};

/// Notice to a KV sender: to this node, prompts of so many tokens on are worth sending layer group by layer group.
struct PushLayersFrom {
  NodeId to;
  std::int32_t tokens = 0;
};

/// Command from an operator or the balancer: change the machine of that name, or all of the node of that name. `with`
/// is called once: with how many machines are told, or with why none is.
struct ChangeMachines {
  std::string name;
  std::optional<policies::Role> role;  ///< none: as it is
  std::optional<bool> draining;
  std::function<void(Result<std::int32_t>)> with;
  std::optional<MachineId> machine{};  ///< this one, whatever the name; none: by name
  bool keeps_home = false;             ///< the role is for a time: where the machine is at home stays as it is
  std::string why{};                   ///< for people
};

/// From the neighbours actor to itself: who has not answered by now is left out.
struct GatheringDue {
  std::uint64_t gathering = 0;
};

/// From the neighbours actor to itself: another node's answer to a question of state does not come any more.
struct InspectionDue {
  std::uint64_t query = 0;
};

/// From the link: how the way to a peer was found.
struct PeerProbed {
  NodeId peer;
  std::shared_ptr<const Result<link::Probe>> how;
};

/// Command to a KV sender: run this prompt, and send its KV to `to` under the ticket.
struct SendKv {
  std::shared_ptr<const RequestSpec> spec;
  Attempt attempt = 0;
  std::vector<TokenId> generated;
  Ticket ticket;
  std::int32_t blocks = 0;  ///< as many as the landing has
  NodeId to;
  link::PeerId peer;  ///< the same node, as the link knows it
  MachineId token_machine;
  ProgressActor request;
};

/// Command to a KV sender: the KV of this attempt is not wanted any more.
struct StopKv {
  RequestId request;
  Attempt attempt = 0;
};

/// Notice to KV senders: nothing can be sent to this node any more.
struct PeerGone {
  NodeId node;
};

/// From the link: the blocks of a push may be written again.
struct KvPushed {
  RequestId request;
  Ticket ticket;
  std::shared_ptr<const Result<link::Pushed>> how;
};

/// Notice of a KV sender: nothing more will be sent under this ticket.
struct KvSendEnded {
  NodeId to;
  RequestId request;
  Attempt attempt = 0;
  Ticket ticket;
  bool complete = false;  ///< all was sent
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DialResult)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::NeighboursTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WatchRouting)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouteElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AnswerElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AdmitElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RunPromptElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelPromptElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ReportElsewhere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LandingEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LandingDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkBroken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkSays)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GatherTraces)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ChangeMachines)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GatheringDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SendKv)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StopKv)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PeerGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::KvPushed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkProbed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PushLayersFrom)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::KvSendEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::FlushNews)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::InspectionDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PeerProbed)
