// The link seam: how KV blocks travel from one machine's slab to another's. Production sends them over UCX; tests and
// the simulator copy them between slabs on the actors' clock.
//
// A transfer is two-sided. The receiver opens a landing: blocks of its own, and a ticket that lets its bearer write
// them once. The sender pushes pieces (some blocks, some layers) under that ticket, in any order, the last one marked.
// The receiver judges each piece (ticket, peer, place, size) before a byte of it reaches the slab, so that what is
// late, repeated, cut or forged is refused rather than written, and verifies its checksum: one that is damaged fails
// the landing, whose blocks nobody has read yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/attention/kv_layout.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::link {

/// A slab that this node registered.
using SlabId = Id<struct SlabTag, std::uint32_t>;
/// A node that this one was told of; never given out twice.
using PeerId = Id<struct LinkPeerTag, std::uint64_t>;

/// What a ticket lets its bearer write: all layers of `blocks`, once each.
struct Landing {
  Ticket ticket;
  PeerId from;  ///< the only peer whose pieces are accepted under it
  SlabId slab;
  std::vector<BlockId> blocks;  ///< by place: place i of the transfer is blocks[i]
};

/// One piece of a transfer: `layers` layers from `first_layer` on of `blocks`, which go to the landing's places from
/// `first_place` on.
struct Push {
  Ticket ticket;
  SlabId slab;                  ///< the sender's
  std::vector<BlockId> blocks;  ///< the sender's; no step may write them until the push is done
  std::int32_t first_place = 0;
  std::int32_t first_layer = 0;
  std::int32_t layers = 0;
  bool last = false;            ///< nothing follows under this ticket
  std::vector<std::byte> note;  ///< with the last piece: handed to the receiver as it is; at most kMostNoteBytes
};
inline constexpr std::size_t kMostNoteBytes = 64 * 1024;

/// A landing whose every place and layer is written and verified.
struct Arrival {
  Ticket ticket;
  std::vector<std::byte> note;
  std::size_t bytes = 0;
  std::chrono::nanoseconds first_to_last{};  ///< from the first piece's arrival to the last's
  std::chrono::nanoseconds under_way{};      ///< from the first push to the last piece's arrival; 0: not known here
};

/// What a push took.
struct Pushed {
  std::size_t bytes = 0;
  std::chrono::nanoseconds time{};
};

/// How a peer is reached, for people: "shared memory (posix)", "tcp 127.0.0.1".
struct Path {
  std::string transport;
  std::string why;  ///< why not a better one (cma, shared memory, rdma); empty where there is none
};

/// How fast a peer is reached, measured with the peer's help.
struct Probe {
  std::chrono::nanoseconds round_trip{};  ///< of a short message; the median of several
  double bytes_per_second = 0;  ///< of `bytes` sent as pieces are and written nowhere; infinite where they took no time
  std::size_t bytes = 0;
};
inline constexpr std::size_t kProbeBytes = 8 * 1024 * 1024;

struct Counters {
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t pieces_refused = 0;  ///< unknown or used ticket, wrong peer, place or size
  std::uint64_t checksum_failures = 0;
};

/// One a node. Functions may be called from any thread and do not block; callbacks run on the link's own thread (or on
/// the actors' clock), each exactly once, and must be short.
class Link {
 public:
  virtual ~Link() = default;

  /// `memory` is laid out as `layout` says and outlives the link.
  virtual SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) = 0;
  /// What a peer needs to reach this node: opaque bytes, to be carried by the control plane.
  virtual std::string address() const = 0;
  /// Makes a peer known and begins to connect to it. Errors: kInvalidInput for an address that is none or of a peer
  /// that is known, kUnavailable where it cannot be reached. What fails later `broken` hears of.
  virtual Result<PeerId> add_peer(std::string_view address) = 0;
  /// `broken` hears of each peer whose connection failed, once; it stays known, and useless, until it is dropped.
  virtual void on_broken(std::function<void(PeerId, const Error&)> broken) = 0;
  /// `carry` is given what this link has to say to a peer's before the two reach each other: bytes that the control
  /// plane takes to the peer's hear(), in order. Links that need no help say nothing.
  virtual void on_word(std::function<void(PeerId, std::string)> /*carry*/) {}
  /// What the peer's link said. Words that are none are counted with the refused pieces.
  virtual void hear(PeerId /*peer*/, std::string /*word*/) {}
  virtual Path path(PeerId peer) const = 0;
  /// Forgets a peer. Landings from it end with kUnavailable, pushes to it as well; after `done` nothing that it sent
  /// can be written any more.
  virtual void drop_peer(PeerId peer, std::function<void()> done) = 0;

  /// Opens a landing. `arrived` hears the Arrival, or why there is none: kInvalidInput for a checksum that failed or a
  /// last piece that leaves holes, kCancelled after close_landing, kUnavailable when the peer was dropped. The blocks
  /// are nobody's but the link's until then.
  virtual void open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) = 0;
  /// Ends a landing; pieces that come later are refused. `arrived` is called before this has its effect done, unless it
  /// was called already.
  virtual void close_landing(Ticket ticket) = 0;

  /// Sends one piece. `pushed` hears when the sender's blocks may be written again: all is with the receiver, or
  /// kUnavailable.
  virtual void push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) = 0;

  /// Measures the way to a peer: it takes some milliseconds, and the peer's pieces wait for it. `probed` hears the
  /// outcome: kOverloaded while one to this peer is under way, kUnavailable where the peer is not known, gone or does
  /// not answer (for two seconds, or twenty while bytes flow).
  virtual void probe(PeerId peer, std::function<void(Result<Probe>)> probed) = 0;

  virtual Counters counters() const = 0;
};

}  // namespace troupe::link
