#include "actors/splitwise_sim/event_heap.hpp"

namespace troupe::splitwise_sim {

void EventHeap::push(const Event& event) {
  events_.push_back(event);
  rise(events_.size() - 1);
}

Event EventHeap::pop() {
  const Event last = events_.back();
  events_.pop_back();
  if (events_.empty()) return last;
  const Event first = events_.front();
  events_.front() = last;
  sink_from_top();
  return first;
}

/// An event passes only parents that are later.
void EventHeap::rise(std::size_t at) {
  const Event event = events_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!(event.at < events_[parent].at)) break;
    events_[at] = events_[parent];
    at = parent;
  }
  events_[at] = event;
}

/// All the way down along the earlier children, the right one where both are alike, and then up again.
void EventHeap::sink_from_top() {
  const Event event = events_.front();
  std::size_t at = 0;
  for (std::size_t child = 1; child < events_.size(); child = 2 * at + 1) {
    if (child + 1 < events_.size() && !(events_[child].at < events_[child + 1].at)) ++child;
    events_[at] = events_[child];
    at = child;
  }
  events_[at] = event;
  rise(at);
}

}  // namespace troupe::splitwise_sim
