// Bugs that may be built in on purpose, to show that the fault hunt finds them: cmake -DTROUPE_PLANTED_BUG=kSkippedAck
// compiles the one file where that bug is planted with it. In every other build planted() is false where it is written,
// and no code comes of it. tools/experiments/planted_bugs builds each in turn and counts the seeds that find it.
#pragma once

namespace troupe {

enum class Bug {
  kNone,
  kSkippedAck,              ///< a sequence that was cancelled in its prompt is let go without RequestReleased
  kDoubleFree,              ///< a block that was never committed goes back to the free list twice
  kOffByOneResume,          ///< a request that moved resumes one token early
  kMissingGenerationCheck,  ///< a timeout that was set for an earlier token counts for the present one
  kLostDownMessage,         ///< a request that waits to be let go does not hear that its machine is lost
  kStaleAttemptAccepted,    ///< a KV sender takes an order about an earlier attempt for one about the present one
  kCommitBeforeKvWritten,   ///< a landing is complete when its last piece is here, whatever is missing
  kReleaseUnderWay,         ///< a KV sender frees blocks while the last pieces are being read
  kWrongEpochCheck,         ///< the epochs of other nodes' machines are those of the day they joined
  kForgottenDeadline,       ///< when a deadline has passed the later ones are not watched any more
  kUnlinkedSender,          ///< a KV sender dies, and its machine does not hear of it
  kLostStandIn,             ///< a stand-in of another node's actor dies, and its node goes on
  kDrainForgotten,          ///< a router gives requests to machines that drain
  kRestartStorm,            ///< a node that ends again and again is started after the same short wait
  kHomeForgotten,           ///< what the balancer lends to the other pool is at home there
};

#ifdef TROUPE_PLANTED_BUG
static constexpr Bug kPlanted = Bug::TROUPE_PLANTED_BUG;
#else
static constexpr Bug kPlanted = Bug::kNone;
#endif

/// Of internal linkage: files of one build may differ.
static constexpr bool planted(Bug bug) { return bug != Bug::kNone && bug == kPlanted; }

}  // namespace troupe
