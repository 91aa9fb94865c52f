// The scheduler under a virtual clock: one thread, the caller's; a seed chooses which of the ready actors handles its
// next message.
//
// Owns: the ready actors and the clock. Promises: the same actors, messages and seed give the same run; time stands
// still while any actor is ready; messages from one actor to another stay in order. Injected as a
// module of CAF's actor_system_config.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include <caf/detail/test_actor_clock.hpp>
#include <caf/execution_unit.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "runtime/base/random.hpp"

namespace troupe::exec {

class VirtualScheduler final : public caf::scheduler::abstract_coordinator {
 public:
  /// In the order in which they became ready, for runs that a person wants to follow.
  static constexpr std::uint64_t kInOrder = 0;

  VirtualScheduler(caf::actor_system& system, std::uint64_t seed);

  /// One ready actor handles one message. False where none is ready.
  bool run_one();
  /// Moves the clock to the next delayed message and delivers it. False where there is none.
  bool advance();
  std::size_t ready() const { return ready_.size(); }

  void start() override {}
  void stop() override;
  bool detaches_utility_actors() const override { return false; }
  void enqueue(caf::resumable* what) override { ready_.push_back(what); }
  caf::detail::test_actor_clock& clock() noexcept override { return clock_; }

 private:
  class Unit final : public caf::execution_unit {
   public:
    explicit Unit(VirtualScheduler& scheduler) : execution_unit(&scheduler.system_), scheduler_(scheduler) {}
    void exec_later(caf::resumable* what) override { scheduler_.enqueue(what); }

   private:
    VirtualScheduler& scheduler_;
  };

  caf::resumable* take(std::size_t chosen);

  Unit unit_;
  caf::detail::test_actor_clock clock_;
  bool in_order_;
  RandomStream choices_;
  std::deque<caf::resumable*> ready_;
};

}  // namespace troupe::exec
