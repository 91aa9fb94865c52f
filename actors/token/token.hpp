// The token phase of one machine, and the lease on its KV blocks.
// Owns: the requests whose KV lives here, from admission to release; the running batch. Promises: continuous batching
// (sequences join and leave at every step); first come first served for memory; no step waits for a block:
// a sequence's next one is asked for ahead, and a sequence that still lacks it sits the step out; when memory is out
// the newest sequence is preempted and recomputed, so that the oldest always goes on. Who runs, who is preempted and
// who is next, policies may say otherwise; what they cannot do is stop the machine: where they choose nobody, or
// somebody who has left, the rules above hold.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "actors/messages/batching.hpp"
#include "actors/messages/work.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

struct TokenLimits {
  std::int32_t max_running = 256;  ///< sequences that have blocks: prompts under way and decodes together
};

/// Who is asked instead of following the token actor's own rules; none: those hold.
struct TokenPolicies {
  BatchPolicyActor batches;  ///< who runs and who is preempted
  BatchPolicyActor admission;
};

class Token final : public exec::Actor<TokenActor::base> {
 public:
  Token(caf::actor_config& config, MachineId machine, TokenLimits limits, GpuActor gpu, PoolActor pool,
        TokenPolicies policies = {});
  const char* name() const override { return "token"; }

 protected:
  TokenActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  enum class Phase : std::uint8_t {
    kWaiting,   // wants blocks; in waiting_
    kPrompt,    // has blocks; the prompt machine computes into them
    kDecoding,  // in the running batch
  };
  struct Sequence {
    AdmitRequest what;  // what.generated grows with every token
    Phase phase = Phase::kWaiting;
    std::vector<BlockLife> blocks;
    std::size_t committed_blocks = 0;
    std::uint64_t order = 0;  // of arrival: the newest is preempted first
    TimePoint came;
    std::int32_t preemptions = 0;
    bool in_step = false;
    std::uint64_t asked = 0;      // ticket of the reservation under way; 0: none
    bool growth_refused = false;  // a further block was refused; asked again when there is room
    bool cancelled = false;       // ends as soon as nothing writes its blocks
    bool preempt = false;         // loses its blocks when the step ends
  };

  void on(AdmitRequest& admit);
  void on(const CancelRequest& cancel);
  void on(const PromptCommitted& committed);
  void on(const PromptCancelled& cancelled);
  void on(StepFinished& finished);
  void on(BlocksReserved& reserved);
  void on(const BlocksRefused& refused);
  void on(const BlocksAvailable& available);
  WorkState state() const;

  /// Asks for the blocks of the next of the waiting queue, unless others go before it.
  void ask_for_admission();
  bool may_admit() const;
  void admit(Sequence& sequence);
  policies::AdmissionSnapshot waiting_now() const;
  void on(const AdmissionPlanned& planned);
  /// The request is told to come again later.
  void refuse(RequestId request, const std::string& why);
  void reserve(Sequence& sequence, std::int32_t blocks);
  /// Whose reservation this answer is for, or null where the sequence has left or asked anew.
  Sequence* asker(RequestId request, std::uint64_t ticket);
  void start_prompt(Sequence& sequence);
  Sequence* in_prompt_phase(RequestId request, Attempt attempt);
  /// Adds the blocks whose KV is written and not yet committed.
  static void commit_written(Sequence& sequence, CommitBlocks& commit);
  /// Asks for the block that a decoding sequence is about to need.
  void ask_for_growth(Sequence& sequence);
  /// Preempts a sequence where one cannot go on for want of a block.
  void make_room();
  bool lacks_room() const;
  void refuse_growth(Sequence& sequence, bool refused);
  /// The decoding sequence of that order, or the newest, is preempted: at once, or after the step that it is in.
  void choose_victim(std::uint64_t order);
  void preempt(Sequence& sequence);
  /// The sequence takes its result in; true where it ends with it.
  bool take_token(Sequence& sequence, device::SequenceResult& result);
  /// Ends the work for a request: its blocks go home.
  void release(RequestId request);
  /// Has the next step's sequences chosen and offers them.
  void offer();
  void offer(const std::vector<std::uint64_t>& chosen);
  bool can_run(const Sequence& sequence) const;
  void take_in(Sequence& sequence, OfferWork& offer);
  static policies::DecodingSequence view_of(const Sequence& sequence);

  MachineId machine_;
  TokenLimits limits_;
  GpuActor gpu_;
  PoolActor pool_;
  TokenPolicies policies_;
  std::unordered_map<RequestId, Sequence> sequences_;
  std::unordered_map<RequestId, AdmitRequest> returning_;  // later attempts of those that still hold blocks here
  std::deque<RequestId> waiting_;                          // first come first served; the preempted go in front
  std::map<std::uint64_t, Sequence*> decoding_;            // of sequences_, by order of arrival
  std::vector<Sequence*> in_step_;                         // of sequences_, in the order of the offer
  std::uint64_t next_order_ = 0;
  std::int32_t with_blocks_ = 0;      // sequences in kPrompt or kDecoding
  std::int32_t growths_refused_ = 0;  // of decoding_, those with growth_refused
  std::uint64_t last_ticket_ = 0;
  bool admission_asked_ = false;    // for the first in waiting_
  bool admission_refused_ = false;  // until blocks are available
  bool admission_planned_ = false;  // the policy has yet to say who is next
  bool batch_planned_ = false;      // ... who runs
  bool victim_planned_ = false;     // ... who is preempted
  bool room_on_the_way_ = false;    // a preempted sequence's blocks are going home
  bool offered_ = false;
  bool owes_ = false;
  std::uint64_t commits_ = 0;
  std::int64_t preemptions_ = 0;
};

}  // namespace troupe
