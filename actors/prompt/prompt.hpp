// The prompt phase of one machine.
// Owns: the queue of prompts and the batch that runs. Promises: first come first served unless a policy says otherwise;
// a prompt that is cancelled is
// answered when no step writes its blocks any more. Refuses: nothing; how many wait is bounded where requests are
// admitted.
#pragma once

#include <list>
#include <vector>

#include "actors/messages/batching.hpp"
#include "actors/messages/work.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Prompt final : public exec::Actor<PromptActor::base> {
 public:
  /// `max_batch_tokens`: prompt tokens in one step. `local_token`: the token actor that shares the device, or none on a
  /// prompt machine. `policy`: who plans each batch; none: plan_prompt_batch does.
  Prompt(caf::actor_config& config, std::int32_t max_batch_tokens, GpuActor gpu, PromptClientActor local_token,
         BatchPolicyActor policy = {});
  const char* name() const override { return "prompt"; }

 protected:
  PromptActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Job {
    RunPrompt what;
    std::uint64_t number = 0;  // of arrival
    TimePoint came;
    std::int32_t total = 0;  // prompt and generated tokens to run
    std::int32_t done = 0;   // run in earlier steps
    bool in_step = false;    // offered to the device
    PromptTimes times;
    bool cancelled = false;
    std::vector<kernels::Sampled> prompt_logprobs;  // of the chunks so far
  };

  void on(RunPrompt& run);
  void on(const CancelPrompt& cancel);
  void on(StepFinished& finished);
  void on(const LayersWritten& written);
  WorkState state() const;
  using Queue = std::list<Job>;

  /// Has the next step's prompts chosen and offers them.
  void offer();
  policies::PromptBatchSnapshot snapshot() const;
  /// The default rule's shares, in chunks of what fits.
  std::vector<policies::PromptShare> first_come() const;
  void offer(const std::vector<policies::PromptShare>& shares);
  /// Adds the shares of prompts that are queued, as far as the budget goes.
  void take_in(const std::vector<policies::PromptShare>& shares, OfferWork& offer);
  device::StepSequence chunk(const Job& job, std::int32_t tokens) const;
  void finish(Job& job, device::SequenceResult& result);
  void fail(const Job& job, const Error& error);

  std::int32_t max_batch_tokens_;
  GpuActor gpu_;
  PromptClientActor local_token_;
  BatchPolicyActor policy_;               // none: first come first served
  Queue queue_;                           // in the order of arrival
  std::vector<Queue::iterator> in_step_;  // in the order of the offer
  std::uint64_t arrivals_ = 0;
  bool asked_ = false;         // the policy has yet to answer
  bool offered_ = false;       // the gpu actor has our offer, or runs it
  bool owes_ = false;          // the gpu actor waits for our offer
  std::uint64_t commits_ = 0;  // prompts handed to the machine's own token actor
};

}  // namespace troupe
