// Which tasks run in a machine's next steps: the order of section 4.1's five searches.
#include <algorithm>

#include "actors/splitwise_sim/machine_rules.hpp"

namespace troupe::splitwise_sim {

struct MachineRules::Selection {
  std::uint64_t number = 0;
  std::int64_t tokens = 0;
  std::int64_t memory = 0;
  std::vector<TaskRef> tasks = {};

  bool is_full() const { return static_cast<std::int64_t>(tasks.size()) == kMostBatch; }
  /// A prompt longer than the limit may run, alone.
  bool is_too_much(const Task& task) const { return !tasks.empty() && tokens + task.weight > kMostBatchTokens; }
  void take(TaskRef ref, const Task& task, Resident& resident) {
    tasks.push_back(ref);
    tokens += task.weight;
    resident.chosen = number;
  }
};

void MachineRules::select_batch() {
  Selection selection{++selections_, 0, memory_};
  selection.tasks.reserve(batch_.size() + 8);
  select_passed_over(selection);
  select_prompts(selection);
  select_begun(selection, blocked_);
  select_begun(selection, batch_);
  select_others(selection);
  batch_tokens_ = selection.tokens;

  // Those that ran and were left out wait again. A prompt cannot be among them: its run is one step, and then it is
  // done.
  std::vector<TaskRef> next;
  next.reserve(selection.tasks.size());
  for (const TaskRef ref : batch_) {
    if (residents_[ref.slot].chosen == selection.number) {
      next.push_back(ref);
      continue;
    }
    Task& left_out = task(ref);
    left_out.state = State::kBlocked;
    left_out.in_batch = false;
    ++left_out.set_aside;
    ++preemptions_;
    add_pending(ref);
    blocked_.push_back(ref);
  }
  // The batch keeps who was in it in front; who is new follows in the order of the search.
  for (const TaskRef ref : selection.tasks) {
    Task& chosen = task(ref);
    if (chosen.in_batch) continue;
    remove_pending(ref);
    chosen.in_batch = true;
    if (ref.phase == Phase::kPrompt) ++prompts_in_batch_;
    next.push_back(ref);
  }
  batch_ = std::move(next);
}

/// 1. Those that were passed over too often, as far as they stand in front of the queue.
void MachineRules::select_passed_over(Selection& selection) {
  for (const TaskRef ref : pending_) {
    const Task& each = task(ref);
    if (each.passed_over < kMostPreemptions || selection.is_full() || selection.is_too_much(each)) break;
    if (residents_[ref.slot].chosen == selection.number) continue;
    if (each.state != State::kBlocked) {
      if (each.memory + selection.memory > traits_.memory_bytes) continue;
      selection.memory += each.memory;
    }
    selection.take(ref, each, residents_[ref.slot]);
  }
}

/// 2. Prompts as they came.
void MachineRules::select_prompts(Selection& selection) {
  for (const TaskRef ref : waiting_prompts_) {
    const Task& each = task(ref);
    if (selection.is_full() || selection.is_too_much(each)) break;
    if (residents_[ref.slot].chosen == selection.number) continue;
    if (each.memory + selection.memory > traits_.memory_bytes) break;
    selection.memory += each.memory;
    selection.take(ref, each, residents_[ref.slot]);
  }
}

/// 3. and 4. Those that have their memory: first who was set aside, then who runs.
void MachineRules::select_begun(Selection& selection, const std::vector<TaskRef>& tasks) {
  for (const TaskRef ref : tasks) {
    const Task& each = task(ref);
    if (selection.is_full() || selection.is_too_much(each)) break;
    if (residents_[ref.slot].chosen == selection.number) continue;
    selection.take(ref, each, residents_[ref.slot]);
  }
}

/// 5. The first task of each request that is here, as the requests arrived.
void MachineRules::select_others(Selection& selection) {
  for (const std::uint32_t slot : pool_) {
    if (selection.is_full()) break;
    if (residents_[slot].chosen == selection.number) continue;
    const TaskRef ref = first_task(slot);
    const Task& each = task(ref);
    if (selection.is_too_much(each)) break;
    if (each.state != State::kBlocked) {
      if (each.memory + selection.memory > traits_.memory_bytes) break;
      selection.memory += each.memory;
    }
    selection.take(ref, each, residents_[slot]);
  }
}

}  // namespace troupe::splitwise_sim
