// One machine of Splitwise's simulator, as pure state and rules: no messages, no clock. The machine actor calls it and
// turns what it answers into messages.
//
// Owns: tasks, their memory, the running batch and its run of steps. Promises: the same calls give the same answers, in
// the arithmetic of the authors' simulator (doubles, in its order of operations), since ties between events hang on it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "actors/splitwise_sim/rules.hpp"
#include "runtime/perf/profile.hpp"

namespace troupe::splitwise_sim {

/// What a machine is made of.
struct MachineTraits {
  std::int64_t weight_bytes = 0;
  std::int64_t memory_bytes = 0;        ///< weights and KV
  std::int64_t kv_bytes_per_token = 1;  ///< as if every query head had KV of its own
};

enum class Phase : std::uint8_t { kPrompt, kToken };

class MachineRules {
 public:
  /// A task that ran its first step, or its last.
  struct TaskNews {
    RequestFacts facts;
    Phase phase = Phase::kPrompt;
    std::int32_t preemptions = 0;  ///< how often it was set aside while it ran
  };
  /// When a run of steps was to end. A later one makes it void.
  struct RunEnd {
    double at = 0;
    std::uint32_t run = 0;
  };

  MachineRules(const perf::ProfileModel& steps, MachineTraits traits);

  /// A request whose both phases run here.
  void submit_both(const RequestFacts& facts, double now);
  /// A request of which one phase runs here. Room for KV that came from elsewhere was taken before (take_kv).
  void submit(const RequestFacts& facts, Phase phase, double now);
  /// The run ends: tasks that are done leave, in the batch's order, and are told. start_next() must follow.
  std::span<const TaskNews> finish_run(double now);
  void start_next(double now);
  /// KV for a token task is on its way here: false where it has no room.
  bool take_kv(std::int64_t bytes);
  /// KV has left for another machine.
  void give_kv(std::int64_t bytes) { memory_ -= bytes; }
  /// The end of a transfer from here: room may let a waiting task in.
  void look_again(double now);

  /// Run ends since the last call, in order. The last one holds.
  std::span<const RunEnd> take_run_ends();
  /// Tasks that ran for the first time since the last call.
  std::span<const TaskNews> take_started();
  /// Whether since the last call the machine found itself without anything to do.
  bool take_became_free();

  bool has_waiting() const { return !pending_.empty(); }
  std::size_t waiting() const { return pending_.size(); }
  std::size_t running() const { return batch_.size(); }
  std::size_t running_prompts() const { return prompts_in_batch_; }
  std::int64_t memory() const { return memory_; }
  std::uint32_t run() const { return run_; }
  const MachineTraits& traits() const { return traits_; }
  std::int64_t steps_of_run() const { return steps_; }
  std::int64_t preemptions() const { return preemptions_; }

 private:
  enum class State : std::uint8_t { kQueued, kRunning, kBlocked };

  struct Task {
    bool here = false;
    bool in_batch = false;
    State state = State::kQueued;
    std::int32_t passed_over = 0;  // the authors' preemption count: runs without it while it was its request's first
    std::int32_t set_aside = 0;
    std::int64_t weight = 0;
    std::int64_t memory = 0;
    std::int64_t left = 0;  // steps
  };

  struct Resident {
    RequestFacts facts;
    std::array<Task, 2> tasks;  // by Phase
    std::uint64_t chosen = 0;   // the selection that took one of its tasks
  };

  /// A task of a resident: the resident's slot and the phase.
  struct TaskRef {
    std::uint32_t slot = 0;
    Phase phase = Phase::kPrompt;
    friend bool operator==(const TaskRef&, const TaskRef&) = default;
  };

  /// A batch as it is being put together.
  struct Selection;

  Task& task(TaskRef ref) { return residents_[ref.slot].tasks[static_cast<std::size_t>(ref.phase)]; }
  const RequestFacts& facts(TaskRef ref) const { return residents_[ref.slot].facts; }
  TaskRef first_task(std::uint32_t slot) const;
  std::uint32_t settle(const RequestFacts& facts);
  void leave(TaskRef ref);
  void add_pending(TaskRef ref);
  void remove_pending(TaskRef ref);
  void arrive(TaskRef ref, double now);
  void pause(double now);
  void select_batch();
  void select_passed_over(Selection& selection);
  void select_prompts(Selection& selection);
  void select_begun(Selection& selection, const std::vector<TaskRef>& tasks);
  void select_others(Selection& selection);
  void count_passed_over();
  void begin_run(double now);
  double step_seconds() const;

  const perf::ProfileModel* profile_;
  MachineTraits traits_;
  std::int64_t memory_;

  std::vector<Resident> residents_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> pool_;  // slots by arrival
  std::vector<TaskRef> pending_;     // waiting, as inserted
  std::vector<TaskRef> waiting_prompts_;
  std::vector<TaskRef> blocked_;
  std::vector<TaskRef> batch_;
  std::size_t prompts_in_batch_ = 0;
  std::int64_t batch_tokens_ = 0;

  double step_ = 0;  // seconds
  std::int64_t steps_ = 0;
  double run_end_ = 0;
  bool paused_ = false;
  std::uint32_t run_ = 0;
  std::uint64_t selections_ = 0;
  std::int64_t preemptions_ = 0;
  bool became_free_ = false;

  std::vector<RunEnd> run_ends_, run_ends_taken_;
  std::vector<TaskNews> started_, started_taken_, finished_;
};

}  // namespace troupe::splitwise_sim
