#include "runtime/exec/virtual_scheduler.hpp"

#include <utility>

#include <caf/resumable.hpp>

namespace troupe::exec {

VirtualScheduler::VirtualScheduler(caf::actor_system& system, std::uint64_t seed)
    : abstract_coordinator(system), unit_(*this), in_order_(seed == kInOrder), choices_(seed) {}

bool VirtualScheduler::run_one() {
  if (ready_.empty()) return false;
  const std::size_t chosen = in_order_ ? 0 : static_cast<std::size_t>(choices_.below(ready_.size()));
  caf::resumable* const job = ready_[chosen];
  if (chosen == 0) {
    ready_.pop_front();
  } else {
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
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

bool VirtualScheduler::advance() { return clock_.trigger_timeout(); }

void VirtualScheduler::stop() {
  for (auto* const job : std::exchange(ready_, {})) cleanup_and_release(job);
}

}  // namespace troupe::exec
