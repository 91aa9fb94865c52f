#include "tools/simulate/cluster/host_cores.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe::simulate {
namespace {

std::chrono::nanoseconds times(double factor, std::chrono::nanoseconds time) {
  return std::chrono::nanoseconds(std::llround(factor * static_cast<double>(time.count())));
}

}  // namespace

HostCores::HostCores(std::int32_t cores, exec::RunAfter later, Now now, double speed_when_full)
    : cores_(static_cast<std::size_t>(cores)),
      later_(std::move(later)),
      now_(std::move(now)),
      speed_when_full_(speed_when_full) {
  CHECK(cores > 0 && later_ != nullptr && now_ != nullptr, cores);
  CHECK(speed_when_full > 0 && speed_when_full <= 1, speed_when_full);
}

void HostCores::run(std::chrono::nanoseconds time, std::function<void()> done) {
  account();
  Work work{time, std::move(done)};
  const auto longest = running_.begin();
  if (running_.size() < cores_) {
    take_core(std::move(work));
  } else if (longest->turn_ends <= now_()) {
    // Whose turn ends at this very moment gives its core up by itself.
    waiting_.push_front(std::move(work));
  } else {
    waiting_.push_front(leave_core(longest));
    take_core(std::move(work));
  }
  begin_turns();
}

double HostCores::speed() const {
  if (running_.size() < 2) return 1;
  return 1 - (1 - speed_when_full_) * static_cast<double>(running_.size() - 1) / static_cast<double>(cores_ - 1);
}

/// Takes what was done until now from what each has left.
void HostCores::account() {
  const auto passed = now_() - std::exchange(accounted_, now_());
  for (auto& work : running_) work.left -= std::min(work.left, times(speed_, passed));
}

HostCores::Work HostCores::leave_core(Running::iterator who) {
  Work work = std::move(*who);
  running_.erase(who);
  return work;
}

void HostCores::take_core(Work work) {
  work.slice_ends = now_() + kSlice;
  work.turn = 0;
  running_.push_back(std::move(work));
}

/// For who has just got a core, and for all where their speed is another one now.
void HostCores::begin_turns() {
  const double now_so_fast = speed();
  const bool other_speed = std::exchange(speed_, now_so_fast) != now_so_fast;
  for (auto& work : running_) {
    if (work.turn != 0 && !other_speed) continue;
    const auto ends = now_() + times(1 / speed_, work.left);
    work.ends_here = ends <= work.slice_ends;
    work.turn_ends = std::min(ends, work.slice_ends);
    work.turn = ++turns_;
    later_(work.turn_ends - now_(), [weak = weak_from_this(), turn = work.turn] {
      if (const auto cores = weak.lock()) cores->end_turn(turn);
    });
  }
}

void HostCores::end_turn(std::uint64_t turn) {
  const auto who = std::find_if(running_.begin(), running_.end(), [&](const Work& each) { return each.turn == turn; });
  if (who == running_.end()) return;  // it lost its core before, or is as fast no more
  account();
  Work work = leave_core(who);
  std::function<void()> done;
  if (work.ends_here)
    done = std::move(work.done);
  else
    waiting_.push_back(std::move(work));
  while (running_.size() < cores_ && !waiting_.empty()) {
    Work next = std::move(waiting_.front());
    waiting_.pop_front();
    take_core(std::move(next));
  }
  begin_turns();
  if (done) done();
}

}  // namespace troupe::simulate
