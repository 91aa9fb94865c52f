// What the actors of the exact mode say to each other. All that follows from one event is said at one instant: `at` is
// that instant as the authors' simulator has it, in seconds, since the virtual clock's nanoseconds would round it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/splitwise_sim/event_heap.hpp"
#include "actors/splitwise_sim/rules.hpp"

namespace troupe::splitwise_sim {

struct TimelineTick;
struct ScheduleEvent;
struct EventDue;
struct ServeRequest;
struct OfferKv;
struct KvAnswered;
struct SubmitTokens;
struct TokensSubmitted;
struct MachineReport;
struct PromptRan;
struct RequestServed;
struct MachineHistory;
struct CloseBooks;
struct PoolsChanged;

/// Releases events in their order, one when all that followed from the one before has been said.
using TimelineActor = caf::typed_actor<caf::reacts_to<TimelineTick>, caf::reacts_to<ScheduleEvent>>;
/// Routes requests.
using ClusterActor = caf::typed_actor<caf::reacts_to<EventDue>, caf::reacts_to<MachineReport>>;
/// A machine.
using MachineActor = caf::typed_actor<caf::reacts_to<EventDue>, caf::reacts_to<ServeRequest>, caf::reacts_to<OfferKv>,
                                      caf::reacts_to<KvAnswered>, caf::reacts_to<SubmitTokens>,
                                      caf::reacts_to<TokensSubmitted>, caf::reacts_to<CloseBooks>>;
/// Writes down what happened.
using LedgerActor = caf::typed_actor<caf::reacts_to<PromptRan>, caf::reacts_to<RequestServed>,
                                     caf::reacts_to<MachineHistory>, caf::reacts_to<PoolsChanged>>;

/// Notice to the timeline by itself: the clock has come to where it wanted to be woken, and nothing is left to be said.
struct TimelineTick {};

/// Command: release this event at its time. A machine's later kRunEnd makes its earlier ones void.
struct ScheduleEvent {
  Event event;
};

/// Notice: an event's time has come.
struct EventDue {
  Event event;
};

/// Command to a machine: run the prompt here, and where `token_machine` is this machine the tokens too.
struct ServeRequest {
  double at = 0;
  RequestFacts facts;
  MachineIndex token_machine = 0;
};

/// Command from the machine that ran the prompt: take its KV, if there is room. KvAnswered is the reply.
struct OfferKv {
  RequestIndex request = 0;
  std::int64_t bytes = 0;
  MachineActor from;
};
struct KvAnswered {
  RequestIndex request = 0;
  bool taken = false;
};

/// Command: the KV is there, generate the tokens. TokensSubmitted is the reply.
struct SubmitTokens {
  double at = 0;
  RequestFacts facts;
  double prompt_done = 0;
  MachineActor from;
};
struct TokensSubmitted {
  RequestIndex request = 0;
};

/// Notice to the cluster: what changed on a machine since its last report.
struct MachineReport {
  double at = 0;
  MachineIndex machine = 0;
  std::int64_t pending_done = 0;   ///< tokens
  std::int64_t reserved_done = 0;  ///< bytes
  bool waiting = false;
  bool became_free = false;
};

/// Notices to the ledger.
struct PromptRan {
  RequestIndex request = 0;
  MachineIndex machine = 0;
  double started = 0;
  double ended = 0;
};
struct RequestServed {
  RequestIndex request = 0;
  MachineIndex machine = 0;
  double prompt_done = 0;
  double transferred = 0;  ///< when its KV was here; prompt_done where it stayed
  double tokens_started = 0;
  double ended = 0;
  std::int32_t preemptions = 0;
};
/// What a machine had in hand between two of its events.
struct Stretch {
  double from = 0;
  double to = 0;
  std::int32_t running = 0;  ///< tasks in the step
  std::int32_t prompts = 0;  ///< of these
  std::int32_t waiting = 0;
  std::int64_t memory = 0;  ///< bytes, weights included
};
/// Some stretches of a machine at a time: one message for each would cost as much as the simulation.
struct MachineHistory {
  MachineIndex machine = 0;
  std::vector<Stretch> stretches;
  std::int64_t steps = 0;        ///< in these
  std::int64_t preemptions = 0;  ///< in all
};
/// Command to a machine when all is over: send the ledger what it has not had yet.
struct CloseBooks {};
struct PoolsChanged {
  double at = 0;
  MachineIndex machine = 0;  ///< that moved
  bool drawn_in = false;     ///< else it went home
};

/// Who plays: every actor finds the others here. Handles go in a circle, so the engine empties it when the play is
/// over.
struct Cast {
  TimelineActor timeline;
  ClusterActor cluster;
  LedgerActor ledger;
  std::vector<MachineActor> machines;
  std::uint64_t released = 0;  ///< events so far, counted by the timeline
};

}  // namespace troupe::splitwise_sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::TimelineTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::ScheduleEvent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::EventDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::ServeRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::OfferKv)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::KvAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::SubmitTokens)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::TokensSubmitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::MachineReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::PromptRan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::RequestServed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::MachineHistory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::CloseBooks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::splitwise_sim::PoolsChanged)
