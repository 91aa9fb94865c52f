#include "runtime/exec/virtual_scheduler.hpp"

#include <utility>

#include <caf/resumable.hpp>

namespace troupe::exec {

VirtualScheduler::VirtualScheduler(caf::actor_system& system, std::uint64_t seed)
    : abstract_coordinator(system), unit_(*this), in_order_(seed == kInOrder), choices_(seed) {}

bool VirtualScheduler::run_one() {
  if (ready_.empty()) return false;
  const std::size_t chosen = in_order_ ? 0 : static_cast<std::size_t>(choices_.below(ready_.size()));
  caf::resumable* const job = take(chosen);
  switch (job->resume(&unit_, 1)) {
    case caf::resumable::resume_later:
      ready_.push_back(job);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      break;
  }
  return true;
}

/// In constant time: the last one takes the place of the one that was chosen by the seed.
caf::resumable* VirtualScheduler::take(std::size_t chosen) {
  if (!in_order_) std::swap(ready_[chosen], ready_.back());
  caf::resumable* const job = in_order_ ? ready_.front() : ready_.back();
  in_order_ ? ready_.pop_front() : ready_.pop_back();
  return job;
}

bool VirtualScheduler::advance() { return clock_.trigger_timeout(); }

void VirtualScheduler::stop() {
  for (auto* const job : std::exchange(ready_, {})) cleanup_and_release(job);
}

}  // namespace troupe::exec
