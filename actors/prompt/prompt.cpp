#include "actors/prompt/prompt.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/policies/prompt_batch.hpp"
#include "kernels/attention/kv_layout.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Prompt::Prompt(caf::actor_config& config, std::int32_t max_batch_tokens, GpuActor gpu, PromptClientActor local_token,
               BatchPolicyActor policy)
    : Actor(config),
      max_batch_tokens_(max_batch_tokens),
      gpu_(std::move(gpu)),
      local_token_(std::move(local_token)),
      policy_(std::move(policy)) {}

PromptActor::behavior_type Prompt::make_behavior() {
  return {
      [this](RunPrompt& run) { on(run); },
      [this](const CancelPrompt& cancel) { on(cancel); },
      [this](StepFinished& finished) { on(finished); },
      [this](const LayersWritten& written) { on(written); },
      [this](const QueryWork&) { return state(); },
  };
}

void Prompt::on_exit() {
  in_step_.clear();
  queue_.clear();
  local_token_ = nullptr;
  policy_ = nullptr;
}

void Prompt::on(RunPrompt& run) {
  Job job;
  job.total = static_cast<std::int32_t>(run.spec->prompt.size() + run.generated.size());
  if (planted(Bug::kOffByOneResume) && !run.generated.empty()) --job.total;
  job.what = std::move(run);
  rare(Rare::kPromptResumed, !job.what.generated.empty());
  job.number = ++arrivals_;
  job.came = now();
  queue_.push_back(std::move(job));
  if (!offered_) offer();
}

void Prompt::on(const CancelPrompt& cancel) {
  const auto job = std::find_if(queue_.begin(), queue_.end(), [&](const Job& j) {
    return j.what.spec->id == cancel.request && j.what.attempt == cancel.attempt;
  });
  rare(Rare::kPromptUnknown, job == queue_.end());
  if (job != queue_.end() && job->in_step) {
    rare(Rare::kPromptCancelledInStep);
    job->cancelled = true;
    return;
  }
  rare(Rare::kPromptCancelledInQueue, job != queue_.end());
  if (job != queue_.end()) queue_.erase(job);
  send(caf::actor_cast<PromptClientActor>(current_sender()), PromptCancelled{cancel.request, cancel.attempt});
}

void Prompt::on(StepFinished& finished) {
  offered_ = false;
  owes_ = true;
  rare(Rare::kPromptFault, finished.fault && !in_step_.empty());
  auto result = finished.results.begin();
  for (std::size_t place = 0; place < in_step_.size(); ++place) {
    const auto job = in_step_[place];
    job->in_step = false;
    bool leaves = true;
    const std::int32_t ran = finished.fault ? 0 : finished.ran[place];
    job->done += ran;
    if (ran > 0) {
      if (job->times.began == TimePoint{}) job->times.began = now() - finished.timings.total;
      job->times.computing += finished.timings.total;
    }
    if (finished.fault) {
      fail(*job, *finished.fault);
    } else if (job->cancelled) {
      send(job->what.token, PromptCancelled{job->what.spec->id, job->what.attempt});
    } else if (ran > 0) {
      std::move(result->prompt_logprobs.begin(), result->prompt_logprobs.end(),
                std::back_inserter(job->prompt_logprobs));
      leaves = job->done == job->total;
      rare(Rare::kPromptInChunks, !leaves);
      if (leaves) finish(*job, *result);
    } else {
      leaves = false;
    }
    if (ran > 0) ++result;
    if (leaves) queue_.erase(job);
  }
  in_step_.clear();
  offer();
}

void Prompt::on(const LayersWritten& written) {
  constexpr auto kPositions = static_cast<std::int32_t>(kernels::kBlockPositions);
  for (std::size_t place = 0; place < in_step_.size(); ++place) {
    const auto& job = in_step_[place];
    const std::int32_t ran = written.ran.at(place);
    if (!job->what.watch || ran == 0) continue;
    const std::int32_t done = job->done + ran;
    KvWritten news{job->what.spec->id, job->what.attempt,   job->done / kPositions,
                   done / kPositions,  written.first_layer, written.end_layer};
    if (done == job->total)
      news.end_place = (done + kPositions - 1) / kPositions;  // the last block may stay partly empty
    if (news.end_place > news.first_place) send(job->what.token, news);
  }
}

void Prompt::finish(Job& job, device::SequenceResult& result) {
  const auto& spec = *job.what.spec;
  if (result.numerical_fault) {
    fail(job, numerical_fault(job.total));
    return;
  }
  result.prompt_logprobs = std::move(job.prompt_logprobs);
  const TokenId token = result.token;
  const auto index = static_cast<std::int32_t>(job.what.generated.size());
  const auto ends = reason_to_end(spec, index, token);
  send(job.what.request, TokenProduced{spec.id, job.what.attempt, index, std::move(result), ends.has_value(),
                                       ends.value_or(FinishReason::kStop), job.times});
  if (job.what.token == local_token_) ++commits_;
  send(job.what.token,
       PromptCommitted{spec.id, job.what.attempt, token, job.what.token == local_token_ ? commits_ : 0});
}

void Prompt::fail(const Job& job, const Error& error) {
  send(job.what.request, RequestFailed{job.what.spec->id, job.what.attempt, error});
  send(job.what.token, PromptCancelled{job.what.spec->id, job.what.attempt});
}

void Prompt::offer() {
  if (asked_) return;  // the answer makes the offer
  if (!policy_ || queue_.empty()) {
    offer(first_come());
    return;
  }
  asked_ = true;
  request(policy_, caf::infinite, PlanPrompts{snapshot()})
      .then(
          [this](const PromptsPlanned& planned) {
            asked_ = false;
            offer(planned.shares);
          },
          [](caf::error&) {});  // the policy died, and the machine with it
}

policies::PromptBatchSnapshot Prompt::snapshot() const {
  policies::PromptBatchSnapshot snapshot{max_batch_tokens_, {}};
  const auto time = now();
  for (const auto& job : queue_) {
    if (snapshot.queue.size() == policies::kMostPromptsShown) break;
    snapshot.queue.push_back({job.number, job.what.spec->id, job.total, job.done, time - job.came});
  }
  return snapshot;
}

std::vector<policies::PromptShare> Prompt::first_come() const {
  std::vector<std::int32_t> remaining;
  std::int32_t sum = 0;
  for (const auto& job : queue_) {
    if (sum >= max_batch_tokens_) break;
    remaining.push_back(job.total - job.done);
    sum += std::min(remaining.back(), max_batch_tokens_);
  }
  const auto tokens = policies::plan_prompt_batch(remaining, max_batch_tokens_);
  std::vector<policies::PromptShare> shares;
  auto job = queue_.begin();
  for (std::size_t i = 0; i < tokens.size(); ++i, ++job) shares.push_back({job->number, tokens[i]});
  return shares;
}

void Prompt::take_in(const std::vector<policies::PromptShare>& shares, OfferWork& offer) {
  std::int32_t budget = max_batch_tokens_;
  auto job = queue_.begin();
  for (const auto& share : shares) {
    // Mostly the next one; one that was cancelled while the policy thought is not there any more.
    const auto is_it = [&](const Job& each) { return each.number == share.number; };
    if (job == queue_.end() || !is_it(*job)) job = std::find_if(queue_.begin(), queue_.end(), is_it);
    if (job == queue_.end() || job->in_step) continue;
    const std::int32_t tokens = std::min({share.tokens, job->total - job->done, budget});
    if (tokens <= 0) continue;
    budget -= tokens;
    job->in_step = true;
    in_step_.push_back(job);
    offer.sequences.push_back(chunk(*job, tokens));
    offer.watch = offer.watch || job->what.watch;
    ++job;
  }
}

void Prompt::offer(const std::vector<policies::PromptShare>& shares) {
  OfferWork offer{Planner::kPrompt, {}, commits_};
  take_in(shares, offer);
  if (in_step_.empty()) take_in(first_come(), offer);  // nothing is no answer: a queue moves
  offered_ = !in_step_.empty();
  if (!offered_ && !owes_) return;
  owes_ = false;
  send(gpu_, std::move(offer));
}

device::StepSequence Prompt::chunk(const Job& job, std::int32_t tokens) const {
  const auto& spec = *job.what.spec;
  const auto prompt_tokens = static_cast<std::int32_t>(spec.prompt.size());
  const auto token_at = [&](std::int32_t position) {
    return position < prompt_tokens ? spec.prompt[static_cast<std::size_t>(position)]
                                    : job.what.generated[static_cast<std::size_t>(position - prompt_tokens)];
  };
  device::StepSequence sequence;
  sequence.request = spec.id;
  sequence.first_position = job.done;
  sequence.sampling = spec.sampling;
  sequence.sample = job.done + tokens == job.total;
  sequence.generated = static_cast<std::int32_t>(job.what.generated.size());
  for (std::int32_t i = 0; i < tokens; ++i) sequence.tokens.push_back(token_at(job.done + i));
  for (const auto& life : job.what.blocks) sequence.blocks.push_back(life.block);
  if (sequence.sample && spec.sampling->params.needs_history()) {
    sequence.history = spec.prompt;
    sequence.history.insert(sequence.history.end(), job.what.generated.begin(), job.what.generated.end());
    sequence.history_prompt_tokens = prompt_tokens;
  }
  if (spec.sampling->prompt_logprobs && job.what.generated.empty())
    for (std::int32_t i = job.done + 1; i <= job.done + tokens && i < prompt_tokens; ++i)
      sequence.next_tokens.push_back(token_at(i));
  return sequence;
}

WorkState Prompt::state() const {
  WorkState state;
  for (const auto& job : queue_) {
    ++(job.done > 0 || job.in_step ? state.running : state.waiting);
    state.waiting_tokens += job.total - job.done;
  }
  return state;
}

}  // namespace troupe
