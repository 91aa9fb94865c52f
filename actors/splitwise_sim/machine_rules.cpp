#include "actors/splitwise_sim/machine_rules.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "runtime/base/check.hpp"

namespace troupe::splitwise_sim {
namespace {

/// How often `divisor` goes into `value`, as Python's // has it: exact where a quotient rounds up to the next integer,
/// and -1 for a value just below 0, as the time since a run's start can be by a rounding.
std::int64_t floor_quotient(double value, double divisor) {
  double rest = std::fmod(value, divisor);
  double quotient = (value - rest) / divisor;
  if (rest != 0 && (rest < 0) != (divisor < 0)) quotient -= 1;
  double whole = std::floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return static_cast<std::int64_t>(whole);
}

}  // namespace

MachineRules::MachineRules(const perf::ProfileModel& steps, MachineTraits traits)
    : profile_(&steps), traits_(traits), memory_(traits.weight_bytes) {}

void MachineRules::submit_both(const RequestFacts& facts, double now) {
  const std::uint32_t slot = settle(facts);
  arrive({slot, Phase::kPrompt}, now);
  if (facts.decode_steps() > 0) arrive({slot, Phase::kToken}, now);
}

void MachineRules::submit(const RequestFacts& facts, Phase phase, double now) { arrive({settle(facts), phase}, now); }

/// A place in the pool, behind those that arrived at the same time.
std::uint32_t MachineRules::settle(const RequestFacts& facts) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(residents_.size());
    residents_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    residents_[slot] = {};
  }
  residents_[slot].facts = facts;
  const auto place = std::upper_bound(
      pool_.begin(), pool_.end(), facts.arrived,
      [this](double arrived, std::uint32_t other) { return arrived < residents_[other].facts.arrived; });
  pool_.insert(place, slot);
  return slot;
}

void MachineRules::leave(TaskRef ref) {
  task(ref).here = false;
  const auto& resident = residents_[ref.slot];
  if (resident.tasks[0].here || resident.tasks[1].here) return;
  auto place = std::lower_bound(
      pool_.begin(), pool_.end(), resident.facts.arrived,
      [this](std::uint32_t other, double arrived) { return residents_[other].facts.arrived < arrived; });
  pool_.erase(std::find(place, pool_.end(), ref.slot));
  free_slots_.push_back(ref.slot);
}

MachineRules::TaskRef MachineRules::first_task(std::uint32_t slot) const {
  return {slot, residents_[slot].tasks[0].here ? Phase::kPrompt : Phase::kToken};
}

void MachineRules::add_pending(TaskRef ref) {
  const auto key = [this](TaskRef each) { return std::tuple(task(each).passed_over, facts(each).arrived); };
  // Not std::upper_bound: the counts of those that wait change where they stand, so the list need not be sorted, and
  // then the probes decide.
  const auto own = key(ref);
  std::size_t low = 0, high = pending_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (own < key(pending_[middle]))
      high = middle;
    else
      low = middle + 1;
  }
  pending_.insert(pending_.begin() + static_cast<std::ptrdiff_t>(low), ref);
  if (ref.phase == Phase::kPrompt) waiting_prompts_.push_back(ref);
}

void MachineRules::remove_pending(TaskRef ref) {
  pending_.erase(std::find(pending_.begin(), pending_.end(), ref));
  if (task(ref).state == State::kBlocked) blocked_.erase(std::find(blocked_.begin(), blocked_.end(), ref));
  if (ref.phase == Phase::kPrompt)
    waiting_prompts_.erase(std::find(waiting_prompts_.begin(), waiting_prompts_.end(), ref));
}

void MachineRules::arrive(TaskRef ref, double now) {
  Task& arriving = task(ref);
  const RequestFacts& request = facts(ref);
  arriving.here = true;
  if (ref.phase == Phase::kPrompt) {
    arriving.weight = request.prompt_tokens;
    arriving.memory = request.prompt_memory(traits_.kv_bytes_per_token);
    arriving.left = 1;
  } else {
    arriving.weight = 1;
    arriving.memory = request.token_memory(traits_.kv_bytes_per_token);
    arriving.left = request.decode_steps();
  }
  add_pending(ref);
  if (batch_.empty()) {
    if (memory_ + arriving.memory <= traits_.memory_bytes) start_next(now);
    return;
  }
  const auto running = static_cast<std::int64_t>(batch_.size());
  const auto decoding = running - static_cast<std::int64_t>(prompts_in_batch_);
  if (running < kMostBatch && batch_tokens_ + arriving.weight <= kMostBatchTokens) {
    pause(now);
  } else if (ref.phase == Phase::kPrompt && decoding > 0 &&
             batch_tokens_ - decoding + arriving.weight <= kMostBatchTokens) {
    pause(now);
  }
}

/// The run ends with the step that is under way. Each sum is the authors', term by term.
void MachineRules::pause(double now) {
  if (paused_ || prompts_in_batch_ > 0) return;
  paused_ = true;
  const double start = run_end_ - step_ * static_cast<double>(steps_);
  const double elapsed = now - start;
  // A run that was begun and paused in one instant may have begun, by a rounding, just after it: no step then, and the
  // batch is chosen anew at once. One that is due at this very instant has no more than its steps.
  steps_ = std::min(floor_quotient(elapsed, step_) + 1, steps_);
  run_end_ = now + (step_ * static_cast<double>(steps_) - elapsed);
  run_ends_.push_back({run_end_, ++run_});
}

void MachineRules::look_again(double now) {
  if (pending_.empty()) return;
  if (batch_.empty()) {
    if (memory_ + task(pending_.front()).memory <= traits_.memory_bytes) start_next(now);
  } else if (static_cast<std::int64_t>(batch_.size()) < kMostBatch && batch_tokens_ < kMostBatchTokens) {
    pause(now);
  }
}

bool MachineRules::take_kv(std::int64_t bytes) {
  if (memory_ + bytes > traits_.memory_bytes) return false;
  memory_ += bytes;
  return true;
}

std::span<const MachineRules::TaskNews> MachineRules::finish_run(double) {
  finished_.clear();
  std::size_t kept = 0;
  for (const TaskRef ref : batch_) {
    Task& each = task(ref);
    each.left -= steps_;
    if (each.left > 0) {
      batch_[kept++] = ref;
      continue;
    }
    each.in_batch = false;
    if (ref.phase == Phase::kPrompt) --prompts_in_batch_;
    const RequestFacts& done = facts(ref);
    finished_.push_back({done, ref.phase, each.set_aside});
    // A request that ends here gives back what both phases took, wherever the prompt ran.
    if (ref.phase == Phase::kToken || done.decode_steps() == 0) memory_ -= done.memory(traits_.kv_bytes_per_token);
    leave(ref);
  }
  batch_.resize(kept);
  paused_ = false;
  return finished_;
}

void MachineRules::start_next(double now) {
  select_batch();
  count_passed_over();
  if (!batch_.empty()) {
    begin_run(now);
  } else if (pool_.empty()) {
    became_free_ = true;
  }
}

void MachineRules::count_passed_over() {
  for (const std::uint32_t slot : pool_) {
    Task& first = task(first_task(slot));
    if (!first.in_batch) ++first.passed_over;
  }
}

void MachineRules::begin_run(double now) {
  step_ = step_seconds();
  steps_ = 1;
  if (prompts_in_batch_ == 0) {
    steps_ = task(batch_.front()).left;
    for (const TaskRef ref : batch_) steps_ = std::min(steps_, task(ref).left);
  }
  for (const TaskRef ref : batch_) {
    Task& each = task(ref);
    if (each.state == State::kQueued) {
      memory_ += each.memory;
      started_.push_back({facts(ref), ref.phase, 0});
    }
    each.state = State::kRunning;
  }
  run_end_ = now + step_ * static_cast<double>(steps_);
  run_ends_.push_back({run_end_, ++run_});
}

double MachineRules::step_seconds() const {
  perf::StepShape shape;
  for (const TaskRef ref : batch_)
    if (ref.phase == Phase::kPrompt) shape.prompt_tokens += facts(ref).prompt_tokens;
  shape.decodes = static_cast<std::int64_t>(batch_.size() - prompts_in_batch_);
  return profile_->step_seconds(shape);
}

std::span<const MachineRules::RunEnd> MachineRules::take_run_ends() {
  run_ends_taken_.swap(run_ends_);
  run_ends_.clear();
  return run_ends_taken_;
}

std::span<const MachineRules::TaskNews> MachineRules::take_started() {
  started_taken_.swap(started_);
  started_.clear();
  return started_taken_;
}

bool MachineRules::take_became_free() { return std::exchange(became_free_, false); }

}  // namespace troupe::splitwise_sim
