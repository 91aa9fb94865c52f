#include "tools/simulate/cluster/host_cores.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe::simulate {

HostCores::HostCores(std::int32_t cores, exec::RunAfter later, Now now)
    : cores_(static_cast<std::size_t>(cores)), later_(std::move(later)), now_(std::move(now)) {
  CHECK(cores > 0 && later_ != nullptr && now_ != nullptr, cores);
}

void HostCores::run(std::chrono::nanoseconds time, std::function<void()> done) {
  Work work{time, std::move(done)};
  if (running_.size() < cores_) return take_core(std::move(work));
  const auto longest = running_.begin();
  // Whose turn ends at this very moment gives its core up by itself.
  if (longest->turn_ends <= now_()) return waiting_.push_front(std::move(work));
  waiting_.push_front(leave_core(longest));
  take_core(std::move(work));
}

HostCores::Work HostCores::leave_core(Running::iterator who) {
  Work work = std::move(*who);
  running_.erase(who);
  work.left -= now_() - work.since;
  return work;
}

void HostCores::take_core(Work work) {
  work.since = now_();
  work.turn = ++turns_;
  const auto slice = std::min<std::chrono::nanoseconds>(work.left, kSlice);
  work.turn_ends = work.since + slice;
  running_.push_back(std::move(work));
  later_(slice, [weak = weak_from_this(), turn = turns_] {
    if (const auto cores = weak.lock()) cores->end_turn(turn);
  });
}

void HostCores::end_turn(std::uint64_t turn) {
  const auto who = std::find_if(running_.begin(), running_.end(), [&](const Work& each) { return each.turn == turn; });
  if (who == running_.end()) return;  // it lost its core before
  Work work = leave_core(who);
  std::function<void()> done;
  if (work.left.count() > 0)
    waiting_.push_back(std::move(work));
  else
    done = std::move(work.done);
  while (running_.size() < cores_ && !waiting_.empty()) {
    Work next = std::move(waiting_.front());
    waiting_.pop_front();
    take_core(std::move(next));
  }
  if (done) done();
}

}  // namespace troupe::simulate
