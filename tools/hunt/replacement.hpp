// Nodes that are replaced one after the other, as an operator does: drained, stopped when they have nothing left to do,
// started again.
//
// Owns: who is next and how far it is. Promises: a node is stopped only when its machines, the routers and the clients
// that are connected to it say twice in a row that nothing of it is wanted. What must hold (S7): it comes to rest, and
// from its drain's beginning to its next start no request makes an attempt more that was not preempted. When it is
// back, nodes hear of it one after the other, and who was sent to it too soon tries again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tools/hunt/invariants.hpp"

namespace troupe::hunt {

class Replacement {
 public:
  /// Between two looks.
  static constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds{20};
  /// A node that has not come to rest by then was given new requests.
  static constexpr std::chrono::seconds kMostDrain{10};

  void add(std::size_t node) { waiting_.push_back(node); }
  bool busy() const { return current_ || !waiting_.empty(); }
  /// Whether the node takes no calls at the moment.
  bool closed(std::size_t node) const { return current_ && current_->node == node; }
  /// Where its clients go meanwhile.
  std::size_t instead_of(std::size_t node, const Cluster& cluster) const;
  /// Goes on as far as it can. `retries`: attempts after requests' first ones, up to now. Says what is wrong; none:
  /// nothing.
  std::optional<std::string> look(Cluster& cluster, const std::vector<Played>& requests, std::uint64_t retries);

 private:
  struct Current {
    std::size_t node = 0;
    TimePoint since;
    std::uint64_t retries = 0;  // until then
    int empty_looks = 0;
    std::optional<TimePoint> stopped;
  };
  void begin(Cluster& cluster);
  bool is_empty(Cluster& cluster, const std::vector<Played>& requests) const;

  std::deque<std::size_t> waiting_;
  std::optional<Current> current_;
};

}  // namespace troupe::hunt
