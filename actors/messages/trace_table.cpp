#include "actors/messages/trace_table.hpp"

#include <cstdio>

#include "actors/messages/balancing.hpp"
#include "actors/messages/batching.hpp"
#include "actors/messages/cluster.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/messages/routing.hpp"
#include "actors/messages/transfers.hpp"
#include "runtime/trace/message_types.hpp"

namespace troupe {
namespace {

/// Which request a message is about; 0 for none.
template <class M>
RequestId request_of(const void* message) {
  [[maybe_unused]] const auto& m = *static_cast<const M*>(message);
  if constexpr (requires { m.request.value; }) {
    return m.request;
  } else if constexpr (requires { m.spec->id; }) {
    return m.spec->id;
  } else if constexpr (requires { m.what.spec->id; }) {
    return m.what.spec->id;
  } else if constexpr (requires { m.what.request.value; }) {
    return m.what.request;
  } else if constexpr (requires { std::variant_size<decltype(m.what)>::value; }) {
    return std::visit([]<class Each>(const Each& each) { return request_of<Each>(&each); }, m.what);
  } else if constexpr (requires { m.snapshot->request; }) {
    return m.snapshot->request;
  } else {
    return RequestId{};
  }
}

std::string scores(const char* what, const std::vector<policies::Candidate>& candidates) {
  std::string text = what;
  for (const auto& candidate : candidates) {
    char each[64];
    std::snprintf(each, sizeof each, " m%u=%g", candidate.machine.value, candidate.score);
    text += each;
  }
  return text;
}

std::string note(const RouteDecided& decided) {
  const auto& decision = *decided.decision;
  return decision.policy + ": prompt on m" + std::to_string(decision.prompt_machine.value) + ", tokens on m" +
         std::to_string(decision.token_machine.value) + ": " + decision.reason + "\n" +
         scores("prompt candidates", decision.prompt_candidates) + "\n" +
         scores("token candidates", decision.token_candidates);
}
std::string note(const RouteRefused& refused) { return refused.error.message; }
std::string note(const RequestFailed& failed) { return failed.error.message; }
std::string note(const RunPrompt& run) {
  return std::to_string(run.spec->prompt.size() + run.generated.size()) + " tokens into " +
         std::to_string(run.blocks.size()) + " KV blocks";
}
std::string note(const BlocksRefused& refused) {
  return std::to_string(refused.wanted) + " KV blocks wanted, " + std::to_string(refused.free) + " free";
}
std::string note(const SendKv& send) { return transfer_note(send); }
std::string note(const KvPushed& pushed) { return transfer_note(pushed); }
std::string note(const LandingEnded& ended) { return transfer_note(ended); }
std::string note(const KvSendEnded& ended) { return transfer_note(ended); }
std::string note(const MachineLost& lost) {
  return "m" + std::to_string(lost.machine.value) + " left; attempt " + std::to_string(lost.attempt) + " is over";
}
std::string note(const RequestEnded& ended) {
  return std::string(to_string(ended.reason)) + ": " + std::to_string(ended.prompt_tokens) + " prompt tokens, " +
         std::to_string(ended.generated_tokens) + " generated" + (ended.error ? ": " + ended.error->message : "");
}

template <class M>
trace::MessageType entry(const char* name) {
  trace::MessageType type{&typeid(M), name, request_of<M>, nullptr};
  if constexpr (requires(const M& m) { note(m); })
    type.note_of = [](const void* message) { return note(*static_cast<const M*>(message)); };
  return type;
}

}  // namespace

#define TROUPE_TRACED(M) entry<M>(#M)

void register_traced_messages() {
  trace::register_message_types({
      // request.hpp
      TROUPE_TRACED(TokensGenerated),
      TROUPE_TRACED(PromptScored),
      TROUPE_TRACED(RequestEnded),
      TROUPE_TRACED(CancelCompletion),
      // blocks.hpp
      TROUPE_TRACED(ReserveBlocks),
      TROUPE_TRACED(BlocksReserved),
      TROUPE_TRACED(BlocksRefused),
      TROUPE_TRACED(BlocksAvailable),
      TROUPE_TRACED(AdvertiseBlocks),
      TROUPE_TRACED(CommitBlocks),
      TROUPE_TRACED(ReleaseBlocks),
      TROUPE_TRACED(MoveBlock),
      TROUPE_TRACED(BlockFreed),
      TROUPE_TRACED(QueryPool),
      TROUPE_TRACED(PoolState),
      TROUPE_TRACED(QueryLeases),
      TROUPE_TRACED(PoolLeases),
      // work.hpp
      TROUPE_TRACED(AdmitRequest),
      TROUPE_TRACED(CancelRequest),
      TROUPE_TRACED(RunPrompt),
      TROUPE_TRACED(CancelPrompt),
      TROUPE_TRACED(PromptCancelled),
      TROUPE_TRACED(PromptCommitted),
      TROUPE_TRACED(TokenProduced),
      TROUPE_TRACED(RequestFailed),
      TROUPE_TRACED(RequestReleased),
      TROUPE_TRACED(OfferWork),
      TROUPE_TRACED(StepFinished),
      TROUPE_TRACED(LayersWritten),
      TROUPE_TRACED(KvWritten),
      TROUPE_TRACED(QueryWork),
      TROUPE_TRACED(WorkState),
      TROUPE_TRACED(StepGroupWritten),
      TROUPE_TRACED(DeviceFinished),
      // routing.hpp
      TROUPE_TRACED(RouteRequest),
      TROUPE_TRACED(AdoptRequest),
      TROUPE_TRACED(RouterChanged),
      TROUPE_TRACED(AskAgain),
      TROUPE_TRACED(Routed),
      TROUPE_TRACED(RouteRefused),
      TROUPE_TRACED(MachineLost),
      TROUPE_TRACED(PromptPhaseDone),
      TROUPE_TRACED(RequestLeft),
      TROUPE_TRACED(MachineJoined),
      TROUPE_TRACED(MachineLeft),
      TROUPE_TRACED(MachineChanged),
      TROUPE_TRACED(KvRoomHeard),
      TROUPE_TRACED(LinkMeasured),
      TROUPE_TRACED(PlanPrompts),
      TROUPE_TRACED(PromptsPlanned),
      TROUPE_TRACED(PlanTokens),
      TROUPE_TRACED(TokensPlanned),
      TROUPE_TRACED(ChooseVictim),
      TROUPE_TRACED(VictimChosen),
      TROUPE_TRACED(PlanAdmission),
      TROUPE_TRACED(AdmissionPlanned),
      TROUPE_TRACED(QueryLoad),
      TROUPE_TRACED(LoadSnapshot),
      TROUPE_TRACED(DecideRoute),
      TROUPE_TRACED(RouteDecided),
      TROUPE_TRACED(WatchDeadline),
      TROUPE_TRACED(ForgetDeadline),
      TROUPE_TRACED(DeadlineTick),
      TROUPE_TRACED(DeadlinePassed),
      TROUPE_TRACED(GapDue),
      TROUPE_TRACED(RouteAgain),
      // balancing.hpp
      TROUPE_TRACED(BalancerTick),
      TROUPE_TRACED(BalancerActive),
      TROUPE_TRACED(DecideRoles),
      TROUPE_TRACED(RolesDecided),
      // cluster.hpp
      TROUPE_TRACED(QueryCluster),
      TROUPE_TRACED(ClusterState),
      TROUPE_TRACED(QueryBlocks),
      TROUPE_TRACED(BlocksFound),
      TROUPE_TRACED(QueryPaths),
      TROUPE_TRACED(PathsFound),
      // neighbours.hpp
      TROUPE_TRACED(WireFrame),
      TROUPE_TRACED(DialResult),
      TROUPE_TRACED(NeighboursTick),
      TROUPE_TRACED(WatchRouting),
      TROUPE_TRACED(LinkProbed),
      TROUPE_TRACED(PushLayersFrom),
      TROUPE_TRACED(RouteElsewhere),
      TROUPE_TRACED(AnswerElsewhere),
      TROUPE_TRACED(AdmitElsewhere),
      TROUPE_TRACED(CancelElsewhere),
      TROUPE_TRACED(RunPromptElsewhere),
      TROUPE_TRACED(CancelPromptElsewhere),
      TROUPE_TRACED(ReportElsewhere),
      TROUPE_TRACED(LandingEnded),
      TROUPE_TRACED(LandingDue),
      TROUPE_TRACED(LinkBroken),
      TROUPE_TRACED(LinkSays),
      TROUPE_TRACED(GatherTraces),
      TROUPE_TRACED(ChangeMachines),
      TROUPE_TRACED(GatheringDue),
      TROUPE_TRACED(SendKv),
      TROUPE_TRACED(StopKv),
      TROUPE_TRACED(PeerGone),
      TROUPE_TRACED(KvPushed),
      TROUPE_TRACED(KvSendEnded),
      TROUPE_TRACED(FlushNews),
      TROUPE_TRACED(InspectionDue),
      TROUPE_TRACED(PeerProbed),
  });
}

#undef TROUPE_TRACED

}  // namespace troupe
