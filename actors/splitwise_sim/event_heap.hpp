// The order of events, ties included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "actors/splitwise_sim/rules.hpp"

namespace troupe::splitwise_sim {

enum class EventKind : std::uint8_t {
  kArrival,  ///< a request reaches the cluster
  kRunEnd,   ///< a machine's run of steps ends
  kKvSent,   ///< a transfer ends, told to the machine that the KV comes from
  kRetry,    ///< KV that found no room is offered again, by the machine that has it
};

struct Event {
  double at = 0;  ///< seconds
  EventKind kind = EventKind::kArrival;
  MachineIndex machine = 0;  ///< whose event it is; of an arrival, nobody's
  std::uint32_t number = 0;  ///< a run's number, else a RequestIndex
};

/// A binary heap by time that places events of the same time as Python's heapq does, which the authors' simulator
/// schedules with: where two events fall on one instant, which comes first decides who gets the last room.
class EventHeap {
 public:
  bool empty() const { return events_.empty(); }
  std::size_t size() const { return events_.size(); }
  const Event& top() const { return events_.front(); }
  void push(const Event& event);
  Event pop();

 private:
  void rise(std::size_t at);
  void sink_from_top();

  std::vector<Event> events_;
};

}  // namespace troupe::splitwise_sim
