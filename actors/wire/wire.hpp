// What nodes say to each other: control messages between two nodes of a cluster, as plain values.
// The bodies are Cap'n Proto (schemas/control.capnp); CAF's middleman carries them. Everything that arrives is bounded
// and checked before it is a value of these types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "actors/messages/blocks.hpp"
#include "actors/messages/cluster.hpp"
#include "actors/messages/request.hpp"
#include "actors/messages/work.hpp"
#include "actors/policies/routing_policy.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/trace/request_trace.hpp"

namespace troupe::wire {

/// Raised when what a message means changes, or one that older builds do not know must be understood.
inline constexpr std::uint32_t kProtocolVersion = 3;

/// First word of the node that dials, and the answer of the one that was dialled.
struct Hello {
  std::uint32_t protocol = kProtocolVersion;
  std::string build;    ///< for messages about nodes that do not understand each other
  std::string cluster;  ///< the cluster's name in the configuration
  NodeId node;
  std::string name;
  std::uint64_t incarnation = 0;  ///< drawn when the process starts
  std::uint64_t session = 0;      ///< drawn by the dialler; the answer repeats it
  std::uint32_t pid = 0;          ///< of the process, for people
  std::string link_address;       ///< link::Link::address()
};

/// The other side does not want to talk: two builds, two clusters, or a session that was given up. `again` says whether
/// dialling anew may help.
struct Refused {
  std::string why;
  bool again = false;
};

/// A machine of the sender serves from now on.
struct MachineUp {
  MachineId machine;
  std::string name;
  policies::Role role = policies::Role::kMixed;
  std::string device;
  std::string model;        ///< its weights' fingerprint: KV means nothing to another model
  std::int32_t layers = 0;  ///< the shape of its KV
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::uint8_t dtype = 0;  ///< kernels::DType
  std::int64_t blocks = 0;
  bool draining = false;               ///< gets no new requests
  std::uint64_t epoch = 0;             ///< of the last order that it carried out
  std::optional<policies::Role> home;  ///< what its operator made it, where it is something else for a time
  std::string why;                     ///< it is something else, for people
};

struct MachineDown {
  MachineId machine;
};

struct MachineBeat {
  MachineId machine;
  WorkState prompts;
  WorkState tokens;
  PoolState blocks;
};

/// How fast the sender's KV reaches another node, as it measured.
struct LinkBeat {
  NodeId to;
  std::int64_t round_trip_ns = 0;
  double bytes_per_s = 0;
};

/// Sent a few times a second, so that silence means something.
struct Beat {
  std::uint64_t number = 0;
  std::vector<MachineBeat> machines;
  // By which two nodes learn how their clocks differ, as NTP does (RFC 5905, section 8).
  std::int64_t clock_ns = 0;      ///< the sender's clock when it sent this
  std::uint64_t echo = 0;         ///< the last beat that it heard from the receiver; 0: none
  std::int64_t echo_held_ns = 0;  ///< how long ago that was
  bool routes = false;            ///< the sender takes itself for the active router
  std::vector<LinkBeat> links;
};

/// AdmitRequest for a token machine of the receiver. Deadlines travel as what is left of them.
struct Admit {
  RequestSpec spec;                  ///< spec.deadline is not used; see deadline_in_ns
  std::int64_t deadline_in_ns = -1;  ///< -1: none
  Attempt attempt = 0;
  std::vector<TokenId> generated;
  MachineId prompt_machine;
  MachineId token_machine;
};

/// CancelRequest.
struct Cancel {
  RequestId request;
  Attempt attempt = 0;
  MachineId token_machine;
};

/// RunPrompt for a prompt machine of the receiver; the KV goes to the sender under the ticket.
struct StartPrompt {
  RequestSpec spec;
  std::int64_t deadline_in_ns = -1;
  Attempt attempt = 0;
  std::vector<TokenId> generated;
  MachineId prompt_machine;
  MachineId token_machine;
  NodeId home;  ///< where the request's actor lives: the first token goes there
  Ticket ticket;
  std::int32_t blocks = 0;  ///< places of the landing
};

/// CancelPrompt.
struct StopPrompt {
  RequestId request;
  Attempt attempt = 0;
  MachineId prompt_machine;
};

/// Nothing more will be pushed under this ticket.
struct PromptStopped {
  RequestId request;
  Attempt attempt = 0;
  Ticket ticket;
  bool complete = false;  ///< all was; else the KV will never be whole
};

/// What happened to requests of the receiver: one message a step.
struct Progress {
  std::vector<std::variant<TokenProduced, RequestFailed, RequestReleased>> news;
};

/// Which messages about this request does the receiver remember?
struct TraceQuery {
  std::uint64_t query = 0;
  RequestId request;
};

/// Those messages; times are of the sender's clock.
struct TraceReply {
  std::uint64_t query = 0;
  bool complete = true;  ///< nothing of it has been overwritten
  std::vector<trace::Message> messages;
};

/// From the node that routes: what one of the receiver's machines is for from now on. Orders of an earlier epoch than
/// the last one are refused: whoever gave them does not know of the last one. MachineUp to all nodes is the answer.
struct Order {
  std::uint64_t epoch = 0;
  MachineId machine;
  policies::Role role = policies::Role::kMixed;
  bool draining = false;
  std::optional<policies::Role> home;  ///< none: the role is its home
  std::string why;                     ///< its role is not its home, for people
};

/// Which machines serve a request, and how far it is there.
struct Placement {
  MachineId prompt_machine;
  MachineId token_machine;
  bool prompt_done = false;
};

/// RouteRequest for the receiver's router; with a placement AdoptRequest, which has no answer.
struct RouteAsk {
  RequestId request;
  std::int32_t prompt_tokens = 0;
  std::int32_t max_tokens = 0;
  Attempt attempt = 0;
  std::vector<MachineId> avoid;
  std::optional<Placement> placed;
};

/// Routed, or RouteRefused where it holds an error.
struct RouteAnswer {
  RequestId request;
  Attempt attempt = 0;
  MachineId prompt_machine;
  MachineId token_machine;
  std::variant<policies::RoutingDecision, Error> what;
};

/// RequestLeft for the receiver's router, or PromptPhaseDone.
struct RouteNews {
  RequestId request;
  Attempt attempt = 0;
  bool left = false;
  std::int32_t generated = 0;  ///< as in RequestLeft
};

/// MachineLost.
struct RouteLost {
  RequestId request;
  Attempt attempt = 0;
  MachineId machine;
};

/// Who holds the KV blocks of this machine of the receiver?
struct BlocksQuery {
  std::uint64_t query = 0;
  MachineId machine;
};

struct BlocksReply {
  std::uint64_t query = 0;
  bool found = true;  ///< the machine serves
  MachineBlocks what;
};

/// How do you reach each of your peers? The receiver measures it, which causes traffic.
struct ProbeQuery {
  std::uint64_t query = 0;
};

struct ProbeReply {
  std::uint64_t query = 0;
  std::vector<PathReport> paths;
};

/// What this node's link says to the other's, to which it means something: how they reach each other.
struct LinkWord {
  std::string word;
};

using Message = std::variant<Hello, Refused, MachineUp, MachineDown, Beat, Admit, Cancel, StartPrompt, StopPrompt,
                             PromptStopped, Progress, TraceQuery, TraceReply, Order, RouteAsk, RouteAnswer, RouteNews,
                             RouteLost, BlocksQuery, BlocksReply, ProbeQuery, ProbeReply, LinkWord>;

/// "Hello", "StartPrompt", ...: for traces and logs.
const char* name_of(const Message& message);

/// One message with what tells a late one from a present one.
struct Frame {
  std::uint64_t session = 0;  ///< 0 in a dialler's Hello
  Message message;
};

inline constexpr std::size_t kMostFrameBytes = std::size_t{16} << 20;

/// The frame as bytes. `now` is the sender's clock: times go as distances from it. What only people read (a build's
/// name, a device's, a request's, an error's message, why a node was refused) is cut to the receiver's limits and made
/// UTF-8; everything else goes as it is, so a sender keeps to limits.hpp, and to kMostFrameBytes, itself.
/// A bug: a RequestSpec without `sampling`, enumerators that are none.
std::vector<char> encode(const Frame& frame, TimePoint now);

/// Errors: kTooLarge over kMostFrameBytes, kUnsupported for a message that this build does not know, kInvalidInput for
/// anything that encode() does not make: lists over their bounds, numbers out of range, text that is no UTF-8 where
/// text is due, enumerations without such a value. What depends on the receiver's machine (ids below its vocabulary,
/// lengths that fit its context and blocks) is the receiver's to check, and so are Hello::protocol, the session and who
/// may say what. `now` is the receiver's clock.
Result<Frame> decode(std::span<const char> bytes, TimePoint now);

}  // namespace troupe::wire
