// What must hold after every seed, whatever order messages came in and whatever went wrong. Each violation names its
// invariant, the request and the node.
//
//   S1  every accepted request ends exactly once: with its answer, with an error, or because its client is gone
//   S2  an answer is the fault-free one, token for token and letter for letter; what was cut short is its beginning;
//   and
//       an error has a reason that the plan explains
//   S3  token indices are contiguous, nothing is repeated, nothing comes after the end
//   S4  afterwards every block is free, nothing is leased or queued, no request is counted anywhere, no actor is left,
//       and every node has a session with each other and a path for its KV
//   S5  no step uses a block that is another request's or nobody's (watched_device.hpp)
//   S6  a damaged piece changes no text (by S2), and no piece is damaged that the network left alone
//   S7  a router that knows that a machine drains offers it no request while another could hold it (drains.hpp); a
//       node that is drained before it is stopped comes to rest, and costs no request an attempt unless it was
//       preempted (replacement.hpp)
//   S8  the usage at the end counts the tokens that were sent
//   S9  what cannot do without an actor ends with it, machine or node, and nothing ends with one that is made anew; a
//       node that ends again and again is started ever later
//   S10 an order that comes last is carried out, whoever gives it, and every node knows; what the balancer lent goes
//       home when the load is gone
//   L1  when the faults are over all ends, and new requests are served
//   L2  the same with one node dead for good
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "tools/hunt/cluster.hpp"
#include "tools/hunt/plan.hpp"
#include "tools/hunt/violation.hpp"

namespace troupe::hunt {

/// After the last fault every request has this long to end: its attempts pause 10 s in all.
inline constexpr std::chrono::seconds kMostRecovery{40};
/// A new request on a cluster that is well.
inline constexpr std::chrono::seconds kMostProbe{5};
/// A request ends at most this long after its deadline.
inline constexpr std::chrono::seconds kMostPastDeadline{1};

/// A node that has just started knows no machine yet, and refuses in that time at once.
inline constexpr std::chrono::seconds kFirstMeeting{1};

/// A request of the plan, as it went.
struct Played {
  std::size_t number = 0;  ///< in Plan::requests; probes come behind them
  std::size_t node = 0;    ///< where it lives
  Submitted what;
  TimePoint began;
  TimePoint home_started;     ///< when the node was started that it lives on
  bool home_stalled = false;  ///< for a while in its life
  bool isolated = false;  ///< nodes were kept apart, or one of them stalled, for so long that they give each other up
  bool cancelled = false;
  bool client_gone = false;  ///< or the request's own actor has died, which its client hears of at once
  bool home_died = false;
  bool probe = false;

  /// Nobody waits for anything more of it.
  bool over() const { return home_died || (what.ended() || client_gone ? *what.gone : false); }
};

/// "request 3 (id 4, at node 0)"
std::string who(const Played& request);

/// S1, S2, S3, S8 of each.
void check_requests(const std::vector<Played>& requests, std::vector<Violation>& violations);

/// S10: gives each machine node one order from each node that routes, which all nodes must know of a moment later.
void check_orders(Cluster& cluster, std::vector<Violation>& violations);

/// S4, and L1 as far as sessions go, of every node that lives. `losses`: how many machines each may have lost.
void check_nodes(Cluster& cluster, const std::vector<std::size_t>& losses, std::vector<Violation>& violations);

}  // namespace troupe::hunt
