// A link without a network: pieces are copied between slabs of one process, as late as a given latency and bandwidth
// make them, with faults on demand. For actor tests and the simulator; what it refuses and why is the UCX link's code.
// A link may be its own peer: pieces then go from one slab of the node to another.
//
// Single-threaded: every function and callback runs where the given scheduler runs things.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/link/link.hpp"

namespace troupe::link {

/// What becomes of one piece.
struct Fault {
  enum class Kind {
    kDeliver,
    kDrop,       ///< its sender hears that it went; it never comes
    kCorrupt,    ///< one bit of its bytes is flipped
    kDuplicate,  ///< it comes twice
  };
  Kind kind = Kind::kDeliver;
  std::chrono::nanoseconds delay{};  ///< on top of the latency; later pieces overtake it
};

/// A piece about to travel, as far as a fault may depend on it.
struct Travelling {
  std::uint64_t number = 0;  ///< counts the network's pieces from 0
  Ticket ticket;
  std::size_t bytes = 0;
  bool last = false;
  std::uint64_t from = 0;  ///< nodes, by the order in which they were added, from 1
  std::uint64_t to = 0;
};

struct LocalOptions {
  /// Runs something later, on the caller's clock; in order for equal times.
  std::function<void(std::chrono::nanoseconds, std::function<void()>)> later;
  /// That clock. Without one every transfer takes no time in the reports.
  std::function<std::chrono::nanoseconds()> now;
  std::chrono::nanoseconds latency{};
  double bytes_per_second = 0;  ///< from one node to another, one piece after the other; 0: no limit
  std::size_t piece_bytes = 1 << 20;
  bool checksums = true;                          ///< pieces carry one, and are verified
  std::function<Fault(const Travelling&)> fault;  ///< none: every piece is delivered
};

class LocalLink;

/// What the nodes of one process share. A link that is destroyed is a node that died: what was on its way to it is
/// lost, and its peers hear nothing until they drop it.
class LocalNetwork : public std::enable_shared_from_this<LocalNetwork> {
 public:
  static std::shared_ptr<LocalNetwork> make(LocalOptions options);
  std::unique_ptr<Link> add_node();

 private:
  friend class LocalLink;
  explicit LocalNetwork(LocalOptions options) : options_(std::move(options)) {}

  LocalOptions options_;
  std::uint64_t last_node_ = 0;
  std::uint64_t pieces_ = 0;
  std::map<std::uint64_t, LocalLink*> nodes_;  ///< by link id
};

}  // namespace troupe::link
