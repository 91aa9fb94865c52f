// Which machines serve a request, and what the router and the supervisor tell each other about machines.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/work.hpp"
#include "actors/policies/routing_policy.hpp"
#include "kernels/attention/kv_layout.hpp"
#include "runtime/link/link.hpp"

namespace troupe {

struct RouteRequest;
struct AdoptRequest;
struct RouterChanged;
struct AskAgain;
struct Routed;
struct RouteRefused;
struct MachineLost;
struct PromptPhaseDone;
struct RequestLeft;
struct MachineJoined;
struct MachineLeft;
struct MachineChanged;
struct KvRoomHeard;
struct LinkMeasured;
struct QueryLoad;
struct LoadSnapshot;
struct DecideRoute;
struct RouteDecided;
struct WatchDeadline;
struct ForgetDeadline;
struct DeadlineTick;
struct DeadlinePassed;
struct GapDue;
struct RouteAgain;

/// Told where a request goes. Part of the request actor's interface.
using RoutedActor = caf::typed_actor<caf::reacts_to<Routed>, caf::reacts_to<RouteRefused>, caf::reacts_to<MachineLost>>;

/// Where requests ask for machines. Part of the router's interface, and of the dispatcher's.
using RouteDeskActor =
    caf::typed_actor<caf::reacts_to<RouteRequest>, caf::reacts_to<PromptPhaseDone>, caf::reacts_to<RequestLeft>>;

/// A router as dispatchers see it, this node's or another's.
using RoutesActor = RouteDeskActor::extend<caf::reacts_to<AdoptRequest>>;

/// Assigns requests to machines.
using RouterActor =
    caf::typed_actor<caf::reacts_to<RouteRequest>, caf::reacts_to<PromptPhaseDone>, caf::reacts_to<RequestLeft>,
                     caf::reacts_to<AdoptRequest>, caf::reacts_to<MachineJoined>, caf::reacts_to<MachineLeft>,
                     caf::reacts_to<MachineChanged>, caf::reacts_to<KvRoomHeard>, caf::reacts_to<LinkMeasured>,
                     caf::reacts_to<RouteDecided>, caf::replies_to<QueryLoad>::with<LoadSnapshot>>;

/// Speaks for the active router, wherever it is, to the requests of one node; see actors/dispatcher.
using DispatcherActor =
    caf::typed_actor<caf::reacts_to<RouteRequest>, caf::reacts_to<PromptPhaseDone>, caf::reacts_to<RequestLeft>,
                     caf::reacts_to<Routed>, caf::reacts_to<RouteRefused>, caf::reacts_to<MachineLost>,
                     caf::reacts_to<MachineJoined>, caf::reacts_to<MachineLeft>, caf::reacts_to<RouterChanged>,
                     caf::reacts_to<AskAgain>>;

/// Told which machines there are. Part of the router's interface.
using MachineWatcherActor = caf::typed_actor<caf::reacts_to<MachineJoined>, caf::reacts_to<MachineLeft>>;

/// Wraps a routing policy: snapshot in, decision and reasons out.
using RoutingPolicyActor = caf::typed_actor<caf::reacts_to<DecideRoute>>;

/// One completion. Ends exactly once, and survives the death of the machines that serve it by moving.
using RequestActor =
    caf::typed_actor<caf::reacts_to<CancelCompletion>, caf::reacts_to<Routed>, caf::reacts_to<RouteRefused>,
                     caf::reacts_to<MachineLost>, caf::reacts_to<TokenProduced>, caf::reacts_to<RequestFailed>,
                     caf::reacts_to<RequestReleased>, caf::reacts_to<DeadlinePassed>, caf::reacts_to<GapDue>,
                     caf::reacts_to<RouteAgain>>;

/// Tells requests when their time is up.
using DeadlinesActor =
    caf::typed_actor<caf::reacts_to<WatchDeadline>, caf::reacts_to<ForgetDeadline>, caf::reacts_to<DeadlineTick>>;

/// Command to the router: choose machines for a request. Routed or RouteRefused answers.
struct RouteRequest {
  RequestId request;
  std::int32_t prompt_tokens =
      0;                        ///< to run through the model: the prompt and, after a move, the tokens generated so far
  std::int32_t max_tokens = 0;  ///< still to generate at most
  Attempt attempt = 0;
  RoutedActor reply_to;
  std::vector<MachineId> avoid;  ///< where earlier attempts failed: not chosen while there are others
};

/// Command to a router that takes over: these machines serve the request already, by another router's word.
struct AdoptRequest {
  RouteRequest what;
  MachineId prompt_machine;
  MachineId token_machine;
  bool prompt_done = false;
};

/// Notice to a dispatcher: this one routes from now on; none: nobody does at the moment.
struct RouterChanged {
  RoutesActor router;
};

/// From a dispatcher to itself: the pause after a refusal that may pass is over.
struct AskAgain {
  RequestId request;
  Attempt attempt = 0;
};

/// Reply to RouteRequest.
struct Routed {
  RequestId request;
  Attempt attempt = 0;
  MachineId prompt_machine;
  MachineId token_machine;
  PromptActor prompt;
  TokenActor token;
  std::shared_ptr<const policies::RoutingDecision> why;
};

/// Reply to RouteRequest: no machine takes it now (kOverloaded, kUnavailable).
struct RouteRefused {
  RequestId request;
  Attempt attempt = 0;
  Error error;
};

/// Notice to the requests that a machine served when it was lost: route again.
struct MachineLost {
  RequestId request;
  Attempt attempt = 0;
  MachineId machine;
};

/// Notice to the router: the request's prompt has run.
struct PromptPhaseDone {
  RequestId request;
  Attempt attempt = 0;
};

/// Notice to the router: the request has left its machines, for good or to be routed again.
struct RequestLeft {
  RequestId request;
  Attempt attempt = 0;
  std::int32_t generated = 0;  ///< tokens that this attempt has made; 0 where that is not known
};

/// Notice: a machine serves from now on.
struct MachineJoined {
  MachineId machine;
  std::string name;
  policies::Role role = policies::Role::kMixed;
  std::string device;
  kernels::KvLayout kv;
  std::int32_t vocab_size = 0;     ///< 0: not known here
  std::int32_t max_positions = 0;  ///< of a sequence
  PromptActor prompt;
  TokenActor token;
  PoolActor pool;                                ///< none where the machine is another node's
  std::optional<link::SlabId> slab;              ///< its KV slab, where this node has a link
  bool draining = false;                         ///< gets no new requests
  NodeId node{};                                 ///< where it is
  policies::Role home = policies::Role::kMixed;  ///< the role that its operator gave it
  std::string why{};                             ///< it has its role, where that is not its home; for people
  TimePoint role_since{};                        ///< as far as this node knows
  std::int32_t layer_groups = 1;                 ///< in which its device writes a watched step's KV
  /// Its prompt actor to the other machines of its node: what they give to it has its KV carried to them. None: they
  /// run such prompts themselves.
  PromptActor prompt_for_others{};
  std::optional<link::SlabId> near_slab{};  ///< its KV slab, as the link between this node's machines knows it
  std::size_t modelled_kv_token_bytes = 0;  ///< what the KV of a position counts as on a link; 0: what it is

  /// How many positions its KV slab holds.
  std::int64_t kv_positions() const { return kv.blocks * kernels::kBlockPositions; }
  std::size_t kv_token_bytes() const {
    return modelled_kv_token_bytes != 0 ? modelled_kv_token_bytes : kv.position_bytes();
  }
};

/// Notice: a machine serves no more; the requests whose tokens it generates are told to move.
struct MachineLeft {
  MachineId machine;
};

/// Notice to the router: the machine is for something else now. What it has begun it ends.
struct MachineChanged {
  MachineId machine;
  policies::Role role = policies::Role::kMixed;
  bool draining = false;  ///< gets no new requests
  policies::Role home = policies::Role::kMixed;
};

/// Notice to the router: so many positions of a machine's KV are free.
struct KvRoomHeard {
  MachineId machine;
  std::int64_t free_positions = 0;
};

/// Notice to the router: what was measured on the way from one node to another. Later ones take the place of earlier.
struct LinkMeasured {
  NodeId from;
  NodeId to;
  std::chrono::nanoseconds round_trip{};
  double bytes_per_s = 0;  ///< of KV, one way; one that is not over 0 is passed over
};

/// Question to the router: what does each machine have to do?
struct QueryLoad {};

struct MachineLoad {
  std::string name;
  policies::MachineView view;
  policies::Role home = policies::Role::kMixed;
  TimePoint role_since;
  bool draining = false;
};

/// Reply to QueryLoad.
struct LoadSnapshot {
  std::vector<MachineLoad> machines;  ///< ascending ids
};

/// Command to a policy actor. The snapshot is its alone to read.
struct DecideRoute {
  std::shared_ptr<const policies::RoutingSnapshot> snapshot;
  RouterActor reply_to;
};

/// Notice to a request: its deadline has passed.
struct DeadlinePassed {};

/// From a request to itself: a token was missing when this was sent. It was lost with the node that sent it where it is
/// missing still.
struct GapDue {
  Attempt attempt = 0;
  std::int32_t missing = 0;  ///< its index
};

/// From a request to itself: the pause before this attempt is over.
struct RouteAgain {
  Attempt attempt = 0;
};

/// Command: tell this request when `at` has passed.
struct WatchDeadline {
  RequestId request;
  TimePoint at;
  caf::typed_actor<caf::reacts_to<DeadlinePassed>> whom;
};

/// Command: the request has ended.
struct ForgetDeadline {
  RequestId request;
};

/// From the deadlines actor to itself.
struct DeadlineTick {};

/// Reply to DecideRoute.
struct RouteDecided {
  RequestId request;
  Attempt attempt = 0;
  std::shared_ptr<const policies::RoutingDecision> decision;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouteRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AdoptRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouterChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AskAgain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Routed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouteRefused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::MachineLost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PromptPhaseDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestLeft)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::MachineJoined)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::MachineLeft)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::MachineChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::KvRoomHeard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkMeasured)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryLoad)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LoadSnapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DecideRoute)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouteDecided)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DeadlinePassed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GapDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RouteAgain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WatchDeadline)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ForgetDeadline)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DeadlineTick)
