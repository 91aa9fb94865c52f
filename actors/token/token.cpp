#include "actors/token/token.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/token/positions.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Token::Token(caf::actor_config& config, MachineId machine, TokenLimits limits, GpuActor gpu, PoolActor pool,
             TokenPolicies policies)
    : Actor(config),
      machine_(machine),
      limits_(limits),
      gpu_(std::move(gpu)),
      pool_(std::move(pool)),
      policies_(std::move(policies)) {}

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
  decoding_.clear();
  in_step_.clear();
  sequences_.clear();
  returning_.clear();
  policies_ = {};
}

void Token::on(AdmitRequest& admit) {
  const RequestId id = admit.spec->id;
  if (const auto before = sequences_.find(id); before != sequences_.end()) {
    // The request thought this machine lost and came back: its earlier attempt goes first.
    const auto attempt = before->second.what.attempt;
    if (admit.attempt <= attempt) return;
    rare(Rare::kCameBackEarly);
    returning_.insert_or_assign(id, std::move(admit));
    on(CancelRequest{id, attempt});
    return;
  }
  auto& sequence = sequences_[id];
  sequence.what = std::move(admit);
  sequence.order = next_order_++;
  sequence.came = now();
  waiting_.push_back(id);
  ask_for_admission();
}

bool Token::may_admit() const {
  return !admission_asked_ && !admission_refused_ && !waiting_.empty() && with_blocks_ < limits_.max_running &&
         growths_refused_ == 0;
}

void Token::ask_for_admission() {
  if (admission_planned_ || !may_admit()) return;
  if (!policies_.admission) {
    admit(sequences_.at(waiting_.front()));
    return;
  }
  admission_planned_ = true;
  request(policies_.admission, caf::infinite, PlanAdmission{waiting_now()})
      .then([this](const AdmissionPlanned& planned) { on(planned); },
            [](caf::error&) {});  // the policy died, and the machine with it
}

policies::AdmissionSnapshot Token::waiting_now() const {
  policies::AdmissionSnapshot snapshot{with_blocks_, {}};
  const auto time = now();
  for (const RequestId id : waiting_) {
    if (snapshot.waiting.size() == policies::kMostWaitingShown) break;
    const auto& sequence = sequences_.at(id);
    const auto& what = sequence.what;
    const auto left = what.spec->max_tokens - static_cast<std::int32_t>(what.generated.size());
    snapshot.waiting.push_back(
        {sequence.order, id, known_tokens(what), left, !what.generated.empty(), time - sequence.came});
  }
  return snapshot;
}

void Token::on(const AdmissionPlanned& planned) {
  // Whoever was shown may have left, and others may have come.
  const auto find = [&](std::uint64_t order) {
    return std::find_if(waiting_.begin(), waiting_.end(),
                        [&](RequestId id) { return sequences_.at(id).order == order; });
  };
  for (const auto& refusal : planned.admission.refused)
    if (const auto id = find(refusal.number); id != waiting_.end()) refuse(*id, refusal.reason);
  admission_planned_ = false;
  if (!may_admit()) return;
  auto next = planned.admission.next ? find(*planned.admission.next) : waiting_.end();
  if (next == waiting_.end() && with_blocks_ == 0) next = waiting_.begin();  // somebody has to
  if (next != waiting_.end()) admit(sequences_.at(*next));
}

void Token::refuse(RequestId request, const std::string& why) {
  const auto& sequence = sequences_.at(request);
  if (sequence.asked != 0 || !sequence.what.generated.empty()) return;
  send(sequence.what.request, RequestFailed{request, sequence.what.attempt, {ErrorCode::kOverloaded, why}});
  release(request);
}

void Token::admit(Sequence& sequence) {
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
  rare(Rare::kBlocksTooLate, sequence == nullptr);
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
    rare(Rare::kAdmissionRefused);
    admission_asked_ = false;
    admission_refused_ = true;
  } else {
    rare(Rare::kGrowthRefused);
    refuse_growth(*sequence, true);
    make_room();
  }
}

void Token::on(const BlocksAvailable&) {
  room_on_the_way_ = false;
  admission_refused_ = false;
  for (const auto& [order, sequence] : decoding_) {
    if (!sequence->growth_refused) continue;
    refuse_growth(*sequence, false);
    ask_for_growth(*sequence);
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
      decoding_.emplace(sequence->order, sequence);
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
  rare(Rare::kCancelledInPrompt, sequence.phase == Phase::kPrompt);
  rare(Rare::kCancelledInStep, sequence.in_step);
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
  rare(Rare::kDecodeFault, finished.fault && !in_step_.empty());
  CommitBlocks commit;
  if (!finished.fault)
    for (auto* const sequence : in_step_) commit_written(*sequence, commit);
  if (!commit.blocks.empty()) send(pool_, std::move(commit));  // before any of them may be released
  for (std::size_t i = 0; i < in_step_.size(); ++i) {
    auto& sequence = *in_step_[i];
    const RequestId id = sequence.what.spec->id;
    sequence.in_step = false;
    if (finished.fault) {
      send(sequence.what.request, RequestFailed{id, sequence.what.attempt, *finished.fault});
      release(id);
      continue;
    }
    if (sequence.cancelled || take_token(sequence, finished.results[i])) {
      release(id);
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

void Token::refuse_growth(Sequence& sequence, bool refused) {
  if (sequence.growth_refused == refused) return;
  sequence.growth_refused = refused;
  growths_refused_ += refused ? 1 : -1;
}

bool Token::lacks_room() const {
  if (growths_refused_ == 0) return false;
  return std::any_of(decoding_.begin(), decoding_.end(), [&](const auto& each) {
    const auto& sequence = *each.second;
    return sequence.growth_refused && !sequence.in_step && !has_room(sequence.what, sequence.blocks.size());
  });
}

void Token::make_room() {
  if (room_on_the_way_ || victim_planned_ || !lacks_room()) return;
  if (!policies_.batches) {
    choose_victim(decoding_.rbegin()->first);
    return;
  }
  const auto chosen_already = [&](const auto& each) { return each.second->preempt; };
  if (std::any_of(decoding_.begin(), decoding_.end(), chosen_already)) return;
  victim_planned_ = true;
  policies::TokenBatchSnapshot snapshot;
  for (const auto& [order, sequence] : decoding_) snapshot.sequences.push_back(view_of(*sequence));
  request(policies_.batches, caf::infinite, ChooseVictim{std::move(snapshot)})
      .then(
          [this](const VictimChosen& chosen) {
            victim_planned_ = false;
            if (!room_on_the_way_ && lacks_room()) choose_victim(chosen.number);
          },
          [](caf::error&) {});  // as above
}

void Token::choose_victim(std::uint64_t order) {
  auto found = decoding_.find(order);
  if (found == decoding_.end()) found = std::prev(decoding_.end());
  auto& victim = *found->second;
  if (victim.in_step) {
    rare(Rare::kPreemptedInStep);
    victim.preempt = true;
  } else {
    preempt(victim);
  }
}

void Token::preempt(Sequence& sequence) {
  rare(Rare::kPreempted, !sequence.preempt);
  const RequestId id = sequence.what.spec->id;
  sequence.preempt = false;
  sequence.asked = 0;
  refuse_growth(sequence, false);
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
    refuse_growth(sequence, false);
  }
  if (sequence.phase != Phase::kWaiting || sequence.asked != 0) send(pool_, ReleaseBlocks{request});
  if (!planted(Bug::kSkippedAck) || !sequence.cancelled)
    send(sequence.what.request, RequestReleased{request, sequence.what.attempt, sequence.preemptions});
  sequences_.erase(found);
  if (auto back = returning_.extract(request)) on(back.mapped());
  ask_for_admission();
}

bool Token::can_run(const Sequence& sequence) const {
  return !sequence.cancelled && has_room(sequence.what, sequence.blocks.size());
}

void Token::offer() {
  if (batch_planned_) return;  // the answer makes the offer
  policies::TokenBatchSnapshot snapshot;
  if (policies_.batches)
    for (const auto& [order, sequence] : decoding_)
      if (can_run(*sequence)) snapshot.sequences.push_back(view_of(*sequence));
  if (snapshot.sequences.empty()) {
    offer({});
    return;
  }
  batch_planned_ = true;
  request(policies_.batches, caf::infinite, PlanTokens{std::move(snapshot)})
      .then(
          [this](const TokensPlanned& planned) {
            batch_planned_ = false;
            offer(planned.run);
          },
          [](caf::error&) {});  // as above
}

void Token::offer(const std::vector<std::uint64_t>& chosen) {
  OfferWork offer{Planner::kToken, {}, commits_};
  offer.sequences.reserve(decoding_.size());
  for (const std::uint64_t order : chosen) {
    const auto found = decoding_.find(order);
    if (found == decoding_.end()) continue;
    auto& sequence = *found->second;
    if (!sequence.in_step && can_run(sequence)) take_in(sequence, offer);
  }
  if (offer.sequences.empty())  // nobody is no answer: whoever can, goes on
    for (const auto& [order, sequence] : decoding_)
      if (can_run(*sequence)) take_in(*sequence, offer);
  if (offer.sequences.empty() && !owes_) return;
  offered_ = !offer.sequences.empty();
  owes_ = false;
  send(gpu_, std::move(offer));
}

void Token::take_in(Sequence& sequence, OfferWork& offer) {
  offer.sequences.push_back(next_step_of(sequence.what, sequence.blocks));
  sequence.in_step = true;
  in_step_.push_back(&sequence);
}

policies::DecodingSequence Token::view_of(const Sequence& sequence) {
  const auto& spec = *sequence.what.spec;
  const auto generated = static_cast<std::int32_t>(sequence.what.generated.size());
  return {sequence.order,
          spec.id,
          static_cast<std::int32_t>(spec.prompt.size()),
          generated,
          spec.max_tokens - generated,
          static_cast<std::int32_t>(sequence.blocks.size()),
          sequence.preemptions};
}

WorkState Token::state() const {
  WorkState state;
  state.waiting = static_cast<std::int32_t>(waiting_.size());
  state.running = static_cast<std::int32_t>(decoding_.size());
  state.preemptions = preemptions_;
  return state;
}

}  // namespace troupe
