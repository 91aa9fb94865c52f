// How a request's work reaches a device: admission, prompts, decodes, steps.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/blocks.hpp"
#include "actors/messages/request.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/device/step.hpp"

namespace troupe {

struct AdmitRequest;
struct CancelRequest;
struct RunPrompt;
struct CancelPrompt;
struct PromptCancelled;
struct PromptCommitted;
struct TokenProduced;
struct RequestFailed;
struct RequestReleased;
struct OfferWork;
struct StepFinished;
struct LayersWritten;
struct KvWritten;
struct StepGroupWritten;
struct DeviceFinished;
struct QueryWork;
struct WorkState;

/// Told of a request's progress by the machines that serve it. Part of the request actor's interface.
using ProgressActor =
    caf::typed_actor<caf::reacts_to<TokenProduced>, caf::reacts_to<RequestFailed>, caf::reacts_to<RequestReleased>>;

/// Runs steps. `OfferWork` comes from the planners (prompt and token actor) of its machine.
using GpuActor =
    caf::typed_actor<caf::reacts_to<OfferWork>, caf::reacts_to<StepGroupWritten>, caf::reacts_to<DeviceFinished>>;

/// What a gpu actor tells the planners that gave it work.
using PlannerActor = caf::typed_actor<caf::reacts_to<StepFinished>, caf::reacts_to<LayersWritten>>;

/// For whom a prompt runs: told once that its KV is written, or that nothing writes it any more; and of layers on the
/// way, where it asked for that. Part of the token actor's interface.
using PromptClientActor =
    caf::typed_actor<caf::reacts_to<PromptCommitted>, caf::reacts_to<PromptCancelled>, caf::reacts_to<KvWritten>>;

/// Queues and batches prompts.
using PromptActor =
    caf::typed_actor<caf::reacts_to<RunPrompt>, caf::reacts_to<CancelPrompt>, caf::reacts_to<StepFinished>,
                     caf::reacts_to<LayersWritten>, caf::replies_to<QueryWork>::with<WorkState>>;

/// Holds leases and decodes.
using TokenActor =
    caf::typed_actor<caf::reacts_to<AdmitRequest>, caf::reacts_to<CancelRequest>, caf::reacts_to<PromptCommitted>,
                     caf::reacts_to<PromptCancelled>, caf::reacts_to<KvWritten>, caf::reacts_to<StepFinished>,
                     caf::reacts_to<BlocksReserved>, caf::reacts_to<BlocksRefused>, caf::reacts_to<BlocksAvailable>,
                     caf::replies_to<QueryWork>::with<WorkState>>;

/// Which try of a request a message belongs to: counts up when the request moves, so that word of an earlier try is
/// known as such.
using Attempt = std::int32_t;

/// Command to a token actor: serve this request. `generated` holds the tokens of earlier attempts, which the prompt
/// machine recomputes.
struct AdmitRequest {
  std::shared_ptr<const RequestSpec> spec;
  Attempt attempt = 0;
  std::vector<TokenId> generated;
  MachineId prompt_machine;
  PromptActor prompt;  ///< of that machine
  ProgressActor request;
};

/// Command to a token actor: stop the work for this attempt; RequestReleased follows once its blocks are on their way
/// home.
struct CancelRequest {
  RequestId request;
  Attempt attempt = 0;
};

/// Command to a prompt actor: compute the KV of spec->prompt and `generated`, and sample the next token. The blocks
/// were reserved for `token`, which hears PromptCommitted or PromptCancelled.
struct RunPrompt {
  std::shared_ptr<const RequestSpec> spec;
  Attempt attempt = 0;
  std::vector<TokenId> generated;
  std::vector<BlockLife> blocks;
  MachineId token_machine;  ///< whose blocks they are
  PromptClientActor token;
  ProgressActor request;
  bool watch = false;  ///< `token` wants to hear KvWritten
};

/// Command: forget the prompt; PromptCancelled answers when no step writes its blocks any more.
struct CancelPrompt {
  RequestId request;
  Attempt attempt = 0;
};
/// Reply to CancelPrompt: proof that the prompt machine writes none of the request's blocks. Also sent when the prompt
/// was unknown, and unasked when the prompt failed.
struct PromptCancelled {
  RequestId request;
  Attempt attempt = 0;
};

/// Notice to the token actor: the KV of the prompt is written, and this token was sampled after it.
struct PromptCommitted {
  RequestId request;
  Attempt attempt = 0;
  TokenId token = 0;
  std::uint64_t local_commits =
      0;  ///< how many commits this prompt actor has sent to this token actor of its own machine; else 0
};

/// Notice to the request actor: one more token. Sent by the prompt actor for the first of an attempt and by the token
/// actor for the others.
struct TokenProduced {
  RequestId request;
  Attempt attempt = 0;
  std::int32_t index = 0;  ///< among the generated tokens, from 0
  device::SequenceResult result;
  bool last = false;  ///< the request ends with it, for `reason`
  FinishReason reason = FinishReason::kStop;
  std::optional<PromptTimes> prompt_times;  ///< from the prompt actor
};

/// Notice to the request actor: this machine cannot serve the attempt. kUnavailable: try elsewhere.
struct RequestFailed {
  RequestId request;
  Attempt attempt = 0;
  Error error;
};

/// Notice to the request actor: the machine holds nothing of the attempt any more.
struct RequestReleased {
  RequestId request;
  Attempt attempt = 0;
  std::int32_t preemptions = 0;  ///< how often it was preempted here
};

enum class Planner : std::uint8_t { kPrompt = 0, kToken = 1 };

/// What a planner would have the device do next; an empty offer says that it has nothing now. One offer at a time: the
/// answer is StepFinished, after which a planner that took part in the step owes the next offer, and the device waits
/// for it.
struct OfferWork {
  Planner planner = Planner::kPrompt;
  std::vector<device::StepSequence> sequences;
  /// From the prompt planner: prompts committed to this machine's own token planner so far. From the token planner:
  /// commits taken in so far. The device waits for a token planner that has commits yet to see, so that a prompt step
  /// does not overtake a first decode.
  std::uint64_t commits = 0;
  bool watch = false;  ///< the planner wants to hear LayersWritten
};

/// Notice to a planner that watches: the KV of these layers is final for what its offer runs in this step.
struct LayersWritten {
  StepId id;
  std::int32_t first_layer = 0;
  std::int32_t end_layer = 0;
  std::vector<std::int32_t> ran;  ///< as in StepFinished
};

/// Notice to the client of a prompt that watches: these blocks of these layers will not be written any more. Each
/// (place, layer) is told of once.
struct KvWritten {
  RequestId request;
  Attempt attempt = 0;
  std::int32_t first_place = 0;  ///< of RunPrompt::blocks
  std::int32_t end_place = 0;
  std::int32_t first_layer = 0;
  std::int32_t end_layer = 0;
};

/// The answer to an offer that ran. A planner that offered nothing gets none.
struct StepFinished {
  StepId id;
  std::vector<std::int32_t>
      ran;  ///< tokens run of each sequence of the offer, in its order; 0 at the end where the step was cut
  std::vector<device::SequenceResult> results;  ///< of the sequences that ran, in the order of the offer
  device::StepTimings timings;
  std::optional<Error> fault;  ///< the device failed; `ran` and `results` are empty
};

/// Question to a prompt or token actor: what do you have to do?
struct QueryWork {};

/// What a planner has to do, for status and metrics.
struct WorkState {
  std::int32_t waiting = 0;         ///< prompts not begun, or requests without blocks
  std::int32_t running = 0;         ///< prompts begun, or sequences that decode
  std::int64_t waiting_tokens = 0;  ///< prompt tokens not yet run
  std::int64_t preemptions = 0;     ///< since the start
};

/// From the device by way of its observer: layers up to the end of `group` are written for every sequence of the step.
struct StepGroupWritten {
  StepId id;
  std::int32_t group = 0;
};

/// From the device by way of its observer.
struct DeviceFinished {
  device::StepResult result;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AdmitRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RunPrompt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelPrompt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PromptCancelled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PromptCommitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TokenProduced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestFailed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestReleased)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::OfferWork)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LayersWritten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::KvWritten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StepFinished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryWork)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WorkState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StepGroupWritten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DeviceFinished)
