// The cores of one simulated host, for which its machines' devices and everything around them wait.
//
// Owns: the work on cores and the work that waits. Promises: a core is never idle while work waits; work that comes
// takes the core of the one that has had its core for longest, as threads that wake do; who lost its core gets the next
// that is idle, before who had its slice; the same calls give the same times.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>

#include "runtime/exec/later.hpp"

namespace troupe::simulate {

class HostCores : public std::enable_shared_from_this<HostCores> {
 public:
  using Now = std::function<std::chrono::nanoseconds()>;

  /// After so long a work gives its core to one that waits: a tick of Linux at 250 Hz, as Debian builds it.
  static constexpr std::chrono::milliseconds kSlice{4};

  /// `cores`: at least 1. `later` calls back on the clock that `now` reads. `speed_when_full`: what a core does while
  /// all are at work, of what one does that works alone; over 0, at most 1. Between the two it falls by the same for
  /// each; one core always works alone.
  HostCores(std::int32_t cores, exec::RunAfter later, Now now, double speed_when_full = 1);

  /// Calls `done` when a thread of its own has had so much of the time of a core that works alone.
  void run(std::chrono::nanoseconds time, std::function<void()> done);

 private:
  struct Work {
    std::chrono::nanoseconds left;
    std::function<void()> done;
    // On a core:
    std::chrono::nanoseconds slice_ends{};
    std::chrono::nanoseconds turn_ends{};  // with its slice, or with its work at the present speed
    bool ends_here = false;                // with its work
    std::uint64_t turn = 0;                // another one's callback is not for this
  };
  using Running = std::list<Work>;

  double speed() const;
  void account();
  void take_core(Work work);
  Work leave_core(Running::iterator who);
  void begin_turns();
  void end_turn(std::uint64_t turn);

  std::size_t cores_;
  exec::RunAfter later_;
  Now now_;
  double speed_when_full_;
  Running running_;  // by when they got their cores
  std::deque<Work> waiting_;
  std::chrono::nanoseconds accounted_{};  // until then
  double speed_ = 1;                      // since then, for each that runs
  std::uint64_t turns_ = 0;
};

}  // namespace troupe::simulate
