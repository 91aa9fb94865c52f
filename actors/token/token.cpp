#include "actors/token/token.hpp"

#include <algorithm>
#include <utility>

#include "actors/token/positions.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/planted.hpp"

namespace troupe {

Token::Token(caf::actor_config& config, MachineId machine, TokenLimits limits, GpuActor gpu, PoolActor pool)
    : Actor(config), machine_(machine), limits_(limits), gpu_(std::move(gpu)), pool_(std::move(pool)) {}

TokenActor::behavior_type Token::make_behavior() {
  return {
      [this](AdmitRequest& admit) { on(admit); },
      [this](const CancelRequest& cancel) { on(cancel); },
      [this](const PromptCommitted& committed) { on(committed); },
      [this](const PromptCancelled& cancelled) { on(cancelled); },
      [](const KvWritten&) {},  // not asked for: the prompt writes this machine's blocks, or all arrive together
      [this](StepFinished& finished) { on(finished); },
      [this](BlocksReserved& reserved) { on(reserved); },
      [this](const BlocksRefused& refused) { on(refused); },
      [this](const BlocksAvailable& available) { on(available); },
      [this](const QueryWork&) { return state(); },
  };
}

void Token::reserve(Sequence& sequence, std::int32_t blocks) {
  sequence.asked = ++last_ticket_;
  send(pool_, ReserveBlocks{sequence.what.spec->id, last_ticket_, blocks, LeaseHolderActor{this}});
}

void Token::on_exit() {
  sequences_.clear();
  returning_.clear();
}

void Token::on(AdmitRequest& admit) {
  const RequestId id = admit.spec->id;
  if (const auto before = sequences_.find(id); before != sequences_.end()) {
    // The request thought this machine lost and came back: its earlier attempt goes first.
    const auto attempt = before->second.what.attempt;
    if (admit.attempt <= attempt) return;
    returning_.insert_or_assign(id, std::move(admit));
    on(CancelRequest{id, attempt});
    return;
  }
  auto& sequence = sequences_[id];
  sequence.what = std::move(admit);
  sequence.order = next_order_++;
  waiting_.push_back(id);
  ask_for_admission();
}

void Token::ask_for_admission() {
  if (admission_asked_ || admission_refused_ || waiting_.empty() || with_blocks_ >= limits_.max_running) return;
  const bool growth_first = std::any_of(decoding_.begin(), decoding_.end(),
                                        [&](const auto& each) { return sequences_.at(each.second).growth_refused; });
  if (growth_first) return;
  auto& sequence = sequences_.at(waiting_.front());
  const auto positions = std::min(known_tokens(sequence.what) + 1, most_tokens(*sequence.what.spec));
  admission_asked_ = true;
  reserve(sequence, blocks_for(positions));
}

Token::Sequence* Token::asker(RequestId request, std::uint64_t ticket) {
  const auto found = sequences_.find(request);
  if (found == sequences_.end() || found->second.asked != ticket) return nullptr;
  found->second.asked = 0;
  return &found->second;
}

void Token::on(BlocksReserved& reserved) {
  auto* const sequence = asker(reserved.request, reserved.ticket);
  if (sequence == nullptr) return;  // it left meanwhile; the blocks went home with its lease
  sequence->blocks.insert(sequence->blocks.end(), reserved.blocks.begin(), reserved.blocks.end());
  if (sequence->phase == Phase::kWaiting) {
    admission_asked_ = false;
    waiting_.erase(
        std::find(waiting_.begin(), waiting_.end(), reserved.request));  // a preempted one may have come before it
    start_prompt(*sequence);
    ask_for_admission();
  } else if (!offered_) {
    offer();
  }
}

void Token::start_prompt(Sequence& sequence) {
  sequence.phase = Phase::kPrompt;
  ++with_blocks_;
  RunPrompt run{sequence.what.spec, sequence.what.attempt,   sequence.what.generated, sequence.blocks,
                machine_,           PromptClientActor{this}, sequence.what.request};
  send(sequence.what.prompt, std::move(run));
}

void Token::on(const BlocksRefused& refused) {
  auto* const sequence = asker(refused.request, refused.ticket);
  if (sequence == nullptr) return;
  if (sequence->phase == Phase::kWaiting) {
    admission_asked_ = false;
    admission_refused_ = true;
  } else {
    sequence->growth_refused = true;
    make_room();
  }
}

void Token::on(const BlocksAvailable&) {
  room_on_the_way_ = false;
  admission_refused_ = false;
  for (const auto& [order, id] : decoding_) {
    auto& sequence = sequences_.at(id);
    if (std::exchange(sequence.growth_refused, false)) ask_for_growth(sequence);
  }
  ask_for_admission();
}

Token::Sequence* Token::in_prompt_phase(RequestId request, Attempt attempt) {
  const auto found = sequences_.find(request);
  const bool is =
      found != sequences_.end() && found->second.what.attempt == attempt && found->second.phase == Phase::kPrompt;
  return is ? &found->second : nullptr;
}

void Token::on(const PromptCommitted& committed) {
  commits_ = std::max(commits_, committed.local_commits);
  if (auto* const sequence = in_prompt_phase(committed.request, committed.attempt)) {
    CommitBlocks commit;
    commit_written(*sequence, commit);
    send(pool_, std::move(commit));
    const auto index = static_cast<std::int32_t>(sequence->what.generated.size());
    sequence->what.generated.push_back(committed.token);
    if (sequence->cancelled || reason_to_end(*sequence->what.spec, index, committed.token)) {
      release(committed.request);
    } else {
      sequence->phase = Phase::kDecoding;
      decoding_.emplace(sequence->order, committed.request);
      ask_for_growth(*sequence);
    }
  }
  if (offered_) return;
  owes_ = owes_ || committed.local_commits > 0;  // the device waits to hear that the commit was taken in
  offer();
}

void Token::on(const PromptCancelled& cancelled) {
  if (in_prompt_phase(cancelled.request, cancelled.attempt) != nullptr) release(cancelled.request);
}

void Token::commit_written(Sequence& sequence, CommitBlocks& commit) {
  const auto written = static_cast<std::size_t>(blocks_for(known_tokens(sequence.what)));
  for (; sequence.committed_blocks < written; ++sequence.committed_blocks)
    commit.blocks.push_back(sequence.blocks[sequence.committed_blocks]);
}

void Token::on(const CancelRequest& cancel) {
  if (const auto back = returning_.find(cancel.request);
      back != returning_.end() && back->second.attempt == cancel.attempt) {
    send(back->second.request, RequestReleased{cancel.request, cancel.attempt, 0});
    returning_.erase(back);
    return;
  }
  const auto found = sequences_.find(cancel.request);
  if (found == sequences_.end() || found->second.what.attempt != cancel.attempt) return;
  auto& sequence = found->second;
  if (sequence.phase == Phase::kPrompt) {
    if (!std::exchange(sequence.cancelled, true))
      send(sequence.what.prompt, CancelPrompt{cancel.request, cancel.attempt});
  } else if (sequence.in_step) {
    sequence.cancelled = true;
  } else {
    release(cancel.request);
  }
}

void Token::on(StepFinished& finished) {
  offered_ = false;
  owes_ = true;
  CommitBlocks commit;
  if (!finished.fault)
    for (const RequestId id : in_step_) commit_written(sequences_.at(id), commit);
  if (!commit.blocks.empty()) send(pool_, std::move(commit));  // before any of them may be released
  for (std::size_t i = 0; i < in_step_.size(); ++i) {
    auto& sequence = sequences_.at(in_step_[i]);
    sequence.in_step = false;
    if (finished.fault) {
      send(sequence.what.request, RequestFailed{in_step_[i], sequence.what.attempt, *finished.fault});
      release(in_step_[i]);
      continue;
    }
    if (sequence.cancelled || take_token(sequence, finished.results[i])) {
      release(in_step_[i]);
    } else if (sequence.preempt) {
      preempt(sequence);
    } else {
      ask_for_growth(sequence);
    }
  }
  in_step_.clear();
  make_room();
  offer();
}

bool Token::take_token(Sequence& sequence, device::SequenceResult& result) {
  const auto& spec = *sequence.what.spec;
  if (result.numerical_fault) {
    send(sequence.what.request,
         RequestFailed{spec.id, sequence.what.attempt, numerical_fault(known_tokens(sequence.what))});
    return true;
  }
  const auto index = static_cast<std::int32_t>(sequence.what.generated.size());
  const auto ends = reason_to_end(spec, index, result.token);
  sequence.what.generated.push_back(result.token);
  send(sequence.what.request, TokenProduced{spec.id, sequence.what.attempt, index, std::move(result), ends.has_value(),
                                            ends.value_or(FinishReason::kStop), std::nullopt});
  return ends.has_value();
}

void Token::ask_for_growth(Sequence& sequence) {
  if (sequence.asked != 0 || sequence.growth_refused) return;
  const auto ahead = std::min(known_tokens(sequence.what) + kReserveAheadPositions, most_tokens(*sequence.what.spec));
  if (blocks_for(ahead) <= static_cast<std::int32_t>(sequence.blocks.size())) return;
  reserve(sequence, 1);
}

void Token::make_room() {
  if (room_on_the_way_) return;
  const bool stuck = std::any_of(decoding_.begin(), decoding_.end(), [&](const auto& each) {
    const auto& sequence = sequences_.at(each.second);
    return sequence.growth_refused && !sequence.in_step && !has_room(sequence.what, sequence.blocks.size());
  });
  if (!stuck) return;
  auto& newest = sequences_.at(decoding_.rbegin()->second);
  if (newest.in_step) {
    newest.preempt = true;
  } else {
    preempt(newest);
  }
}

void Token::preempt(Sequence& sequence) {
  const RequestId id = sequence.what.spec->id;
  sequence.preempt = false;
  sequence.asked = 0;
  sequence.growth_refused = false;
  sequence.blocks.clear();
  sequence.committed_blocks = 0;
  sequence.phase = Phase::kWaiting;
  ++sequence.preemptions;
  ++preemptions_;
  --with_blocks_;
  decoding_.erase(sequence.order);
  waiting_.push_front(id);
  room_on_the_way_ = true;
  send(pool_, ReleaseBlocks{id});
}

void Token::release(RequestId request) {
  const auto found = sequences_.find(request);
  CHECK(found != sequences_.end() && !found->second.in_step, request);
  auto& sequence = found->second;
  if (sequence.phase == Phase::kWaiting) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), request));
    if (sequence.asked != 0) admission_asked_ = false;
  } else {
    --with_blocks_;
    decoding_.erase(sequence.order);
  }
  if (sequence.phase != Phase::kWaiting || sequence.asked != 0) send(pool_, ReleaseBlocks{request});
  if (!planted(Bug::kSkippedAck) || !sequence.cancelled)
    send(sequence.what.request, RequestReleased{request, sequence.what.attempt, sequence.preemptions});
  sequences_.erase(found);
  if (auto back = returning_.extract(request)) on(back.mapped());
  ask_for_admission();
}

void Token::offer() {
  OfferWork offer{Planner::kToken, {}, commits_};
  for (const auto& [order, id] : decoding_) {
    auto& sequence = sequences_.at(id);
    if (sequence.cancelled || !has_room(sequence.what, sequence.blocks.size())) continue;
    offer.sequences.push_back(next_step_of(sequence.what, sequence.blocks));
    sequence.in_step = true;
    in_step_.push_back(id);
  }
  if (offer.sequences.empty() && !owes_) return;
  offered_ = !offer.sequences.empty();
  owes_ = false;
  send(gpu_, std::move(offer));
}

WorkState Token::state() const {
  WorkState state;
  state.waiting = static_cast<std::int32_t>(waiting_.size());
  state.running = static_cast<std::int32_t>(decoding_.size());
  state.preemptions = preemptions_;
  return state;
}

}  // namespace troupe
