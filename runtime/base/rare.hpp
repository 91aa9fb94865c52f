// Situations in production code that tests must have met, each with a name: how often they came about is counted while
// somebody counts (a hunt for faults), and costs a load and a branch when nobody does. A situation that a hunt never
// meets is one in which it finds no bug.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

// X(name, what it is): in the order in which they are reported.
#define TROUPE_RARE_SITUATIONS(X)                                                           \
  /* requests */                                                                            \
  X(kTokenEarly, "a token reaches its request before one that it follows")                  \
  X(kTokenMissing, "a token stays missing, and its request leaves the machines")            \
  X(kLostWhileLeaving, "a request that waits to be let go hears that its machine is lost")  \
  X(kFailedAndMoves, "a machine cannot serve a request, which moves")                       \
  X(kRoutedTooLate, "machines are found for a request that has ended")                      \
  X(kRefusedAndTriesAgain, "a request that was served once is refused, and tries again")    \
  X(kAttemptsUsedUp, "a request has used up its attempts")                                  \
  X(kDeadline, "a deadline passes")                                                         \
  X(kSeveralDeadlines, "several deadlines pass in one tick")                                \
  X(kRequesterGone, "the client of a request goes away")                                    \
  X(kStopString, "a stop string ends a request whose machine goes on")                      \
  X(kRequestDies, "a request's actor dies while machines serve it")                         \
  /* routing */                                                                             \
  X(kMachineLeftMeanwhile, "a machine leaves while the policy thinks about it")             \
  X(kLeftUndecided, "a request leaves while the policy thinks about it")                    \
  X(kOnlyAvoidedLeft, "only machines that a request avoids are left for it")                \
  X(kOnlyDrainingLeft, "only draining machines are left for a request")                     \
  X(kAdopted, "a router takes over a request that another one assigned")                    \
  X(kJoinedLater, "a machine joins a router that has assigned requests to it")              \
  X(kAskedAgain, "a dispatcher asks again after a refusal that may pass")                   \
  X(kDispatcherGaveUp, "a dispatcher hands on a refusal")                                   \
  X(kRouterChangedUnderWay, "another router takes over while requests are served")          \
  X(kUnknownMachineChosen, "a router elsewhere chooses a machine that is not known here")   \
  /* machines */                                                                            \
  X(kCameBackEarly, "a later attempt reaches a token actor that still has the earlier one") \
  X(kAdmissionRefused, "no blocks for a request that waits")                                \
  X(kGrowthRefused, "no block for a request that decodes")                                  \
  X(kPreemptedInStep, "a sequence is to lose its blocks while it is in a step")             \
  X(kPreempted, "a sequence loses its blocks between steps")                                \
  X(kBlocksTooLate, "blocks come for a sequence that has left")                             \
  X(kCancelledInPrompt, "a request is given up in its prompt phase")                        \
  X(kCancelledInStep, "a request is given up while it decodes in a step")                   \
  X(kDecodeFault, "the device fails a step with decodes")                                   \
  X(kPromptFault, "the device fails a step with prompts")                                   \
  X(kPromptCancelledInStep, "a prompt is given up while it is in a step")                   \
  X(kPromptCancelledInQueue, "a prompt is given up in the queue")                           \
  X(kPromptUnknown, "a prompt that is not there is given up")                               \
  X(kPromptInChunks, "a prompt runs in several steps")                                      \
  X(kPromptResumed, "a prompt runs with tokens that were generated before")                 \
  X(kBlockOfEarlierLife, "an order is about an earlier life of a block")                    \
  X(kReleasedWhileAdvertised, "blocks are released that another machine was to write")      \
  X(kMachineLost, "a machine is lost with one of its actors")                               \
  X(kAllMachinesLost, "all machines of a node are lost with its hand-over actor")           \
  X(kSupervisorEnds, "a supervisor ends with the last of its machines")                     \
  /* KV on its way */                                                                       \
  X(kSendReplaced, "a later attempt reaches a KV sender that still has the earlier one")    \
  X(kSendOutdated, "an earlier attempt reaches a KV sender that has a later one")           \
  X(kSendStoppedWaiting, "a KV sender is stopped while it waits for blocks")                \
  X(kSendStoppedInPrompt, "a KV sender is stopped while the prompt runs")                   \
  X(kSendStoppedSending, "a KV sender is stopped while pieces are on their way")            \
  X(kSendRefusedBlocks, "no blocks for a prompt that runs for elsewhere")                   \
  X(kPushFailed, "the link gives a piece back unsent")                                      \
  X(kPeerGoneUnderWay, "a node is lost to which KV is being sent")                          \
  X(kLayerwise, "KV travels in groups of layers")                                           \
  X(kLandingFailed, "KV does not arrive")                                                   \
  X(kLandingDue, "KV of which all was sent does not arrive in time")                        \
  X(kLandingCancelled, "KV on its way is not wanted any more")                              \
  X(kNearLandingFailed, "KV between two machines of a node does not arrive")                \
  X(kNearCancelled, "KV between two machines of a node is not wanted any more")             \
  X(kNearMachineLeft, "a machine leaves to or from which its neighbour's KV travels")       \
  /* nodes */                                                                               \
  X(kAdmitEarly, "a request comes before word of the machine that runs its prompt")         \
  X(kAdmitTooLate, "a request comes for a machine that has left")                           \
  X(kStartRefused, "a prompt comes that cannot run here")                                   \
  X(kNewsForNobody, "news come of a request that is not here any more")                     \
  X(kOldSession, "a frame comes of a session that was given up")                            \
  X(kNewSession, "a session begins while the one before seems to live")                     \
  X(kSilence, "a node is given up as it is not heard")                                      \
  X(kToldGivenUp, "a node hears that others gave it up")                                    \
  X(kOldOrder, "an order comes that is older than what was carried out")                    \
  X(kLostWithRequests, "a node is lost whose requests are served here")                     \
  X(kStandInDied, "a stand-in of another node's actor dies, and its node with it")          \
  X(kRoleLent, "the balancer gives a machine another role")                                 \
  X(kRoleReturned, "the balancer sends a machine home")

namespace troupe {

enum class Rare : std::uint8_t {
#define TROUPE_NAME_OF(name, what) name,
  TROUPE_RARE_SITUATIONS(TROUPE_NAME_OF)
#undef TROUPE_NAME_OF
};

inline constexpr const char* kRareSituations[] = {
#define TROUPE_WORDS_OF(name, what) what,
    TROUPE_RARE_SITUATIONS(TROUPE_WORDS_OF)
#undef TROUPE_WORDS_OF
};
inline constexpr std::size_t kRares = std::size(kRareSituations);

/// How often each came about.
using RareCounts = std::array<std::uint64_t, kRares>;

/// Who counts; nobody outside hunts. Set while no actor runs, on the one thread that runs them.
inline constinit RareCounts* counting_rare = nullptr;

/// This is the situation of that name.
inline void rare(Rare situation, bool is_so = true) {
  if (counting_rare != nullptr && is_so) [[unlikely]]
    ++(*counting_rare)[static_cast<std::size_t>(situation)];
}

}  // namespace troupe
