#include "actors/prompt/prompt.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kernels/attention/kv_layout.hpp"
#include "runtime/base/planted.hpp"

namespace troupe {

Prompt::Prompt(caf::actor_config& config, std::int32_t max_batch_tokens, GpuActor gpu, PromptClientActor local_token)
    : Actor(config), max_batch_tokens_(max_batch_tokens), gpu_(std::move(gpu)), local_token_(std::move(local_token)) {}

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
  queue_.clear();
  local_token_ = nullptr;
}

void Prompt::on(RunPrompt& run) {
  Job job;
  job.total = static_cast<std::int32_t>(run.spec->prompt.size() + run.generated.size());
  if (planted(Bug::kOffByOneResume) && !run.generated.empty()) --job.total;
  job.what = std::move(run);
  queue_.push_back(std::move(job));
  if (!offered_) offer();
}

void Prompt::on(const CancelPrompt& cancel) {
  const auto job = std::find_if(queue_.begin(), queue_.end(), [&](const Job& j) {
    return j.what.spec->id == cancel.request && j.what.attempt == cancel.attempt;
  });
  if (job != queue_.end() && job->in_step) {
    job->cancelled = true;
    return;
  }
  if (job != queue_.end()) queue_.erase(job);
  send(caf::actor_cast<PromptClientActor>(current_sender()), PromptCancelled{cancel.request, cancel.attempt});
}

void Prompt::on(StepFinished& finished) {
  offered_ = false;
  owes_ = true;
  std::size_t place = 0;
  auto result = finished.results.begin();
  for (auto job = queue_.begin(); job != queue_.end() && std::exchange(job->in_step, false); ++place) {
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
      if (leaves) finish(*job, *result);
    } else {
      leaves = false;
    }
    if (ran > 0) ++result;
    job = leaves ? queue_.erase(job) : std::next(job);
  }
  offer();
}

void Prompt::on(const LayersWritten& written) {
  constexpr auto kPositions = static_cast<std::int32_t>(kernels::kBlockPositions);
  std::size_t place = 0;
  for (auto job = queue_.begin(); job != queue_.end() && job->in_step; ++job, ++place) {
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
  OfferWork offer{Planner::kPrompt, {}, commits_};
  std::vector<std::int32_t> remaining;
  for (const auto& job : queue_) {
    if (remaining.size() >= static_cast<std::size_t>(max_batch_tokens_)) break;
    remaining.push_back(job.total - job.done);
  }
  const auto shares = plan_prompt_batch(remaining, max_batch_tokens_);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    offer.sequences.push_back(chunk(queue_[i], shares[i]));
    queue_[i].in_step = true;
    offer.watch = offer.watch || queue_[i].what.watch;
  }
  offered_ = !shares.empty();
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
