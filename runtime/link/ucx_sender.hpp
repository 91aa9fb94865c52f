// The sending half of the UCX link: endpoints, and each peer's queue of pushes. All of it on the link's thread.
//
// A peer has a few pieces under way and the rest in its own queue, so that one that stalls holds up nobody else. To a
// peer whose slots are in reach (ucx_ring.hpp) a piece is packed straight into one of them and announced by its header;
// the peer says when the slot is free again. To others pieces are active messages.
//
// A push ends when UCX, or the peer, has given back every piece of it. When a peer is dropped its slots are let go of,
// and its endpoint is closed by force, which makes UCX give back the messages at once. Should it not, the push ends at
// a deadline and the packed copies are kept until it does.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "runtime/link/buffer_pool.hpp"
#include "runtime/link/sending.hpp"
#include "runtime/link/shared_counters.hpp"
#include "runtime/link/signal.hpp"
#include "runtime/link/ucx_ring.hpp"
#include "runtime/link/ucx_worker.hpp"

namespace troupe::link {

class UcxSender {
 public:
  using PushDone = std::function<void(Result<Pushed>)>;
  struct Options {
    std::uint64_t link_id = 0;
    bool checksums = true;
    std::size_t piece_bytes = 0;
  };

  /// `broken` hears of a peer whose endpoint failed; it is called from pump().
  UcxSender(Options options, SharedCounters& counters, std::function<void(PeerId, const Error&)> broken)
      : options_(options), counters_(counters), broken_(std::move(broken)) {}

  /// What is pushed to the peer waits until it is known how it is reached.
  void add_peer(PeerId peer);
  /// The peer is reached by tcp. kUnavailable where UCX cannot make an endpoint. The sender outlives the worker.
  Result<void> use_tcp(PeerId peer, UcxWorker& worker, std::string_view worker_address);
  /// The peer's pieces travel through that worker, which is this peer's alone, and through the slots of its word.
  Result<void> use_shared_memory(PeerId peer, UcxWorker& worker, const NodeAddress& word);
  /// The way that pieces go. Nothing is sent where the peer is not reachable, or takes none of those before.
  void send_signal(PeerId peer, Signal::Kind kind, std::uint64_t value);
  /// The peer says that a slot of its may be written again. kInvalidInput where that slot is not under way.
  Result<void> slot_is_free(PeerId peer, std::uint64_t slot);
  bool shares_memory(PeerId peer) const;
  bool uses_tcp(PeerId peer) const;
  /// Whether the peer is known and not broken.
  bool reachable(PeerId peer) const;
  void push(PeerId peer, Push push, const Slab& slab, PushDone done);
  /// Bytes that land nowhere, as pieces go.
  void send_probe(PeerId peer, std::size_t bytes, PushDone done);
  /// `done` hears whether UCX gave back all that it was asked for.
  void drop(PeerId peer, std::function<void(bool)> done);
  void drop_all();

  /// Starts what may start, ends what has ended. At most one slot is packed for each peer, so that what came in is
  /// looked at in between. Whether anything was started.
  bool pump();
  /// Whether pieces are under way.
  bool busy() const { return !sending_.empty(); }
  /// Whether a dropped peer's endpoint is still closing: pump() has a deadline to keep.
  bool closing() const { return !leaving_.empty(); }

 private:
  struct Outgoing {
    Push push;
    Slab slab;
    PushDone done;
    std::vector<Cut> cuts;
    std::size_t next = 0;
    std::size_t under_way = 0;
    std::size_t bytes = 0;
    std::optional<Error> error;
    std::chrono::steady_clock::time_point start;
  };
  struct Sending;
  struct Peer {
    UcxSender* owner = nullptr;
    PeerId id;
    ucp_ep_h endpoint = nullptr;       ///< tcp
    ucp_ep_h shared_memory = nullptr;  ///< used instead where there is one
    std::unique_ptr<UcxRemoteRing> ring;
    std::vector<std::uint32_t> free_slots;  ///< the last one is still in the cache
    std::vector<Sending*> slots;            ///< what is in them
    bool failed = false;                    ///< UCX said so; not yet handled
    ucs_status_t why = UCS_OK;
    bool broken = false;                          ///< handled: endpoint closed, pushes ended
    int closing = 0;                              ///< endpoints
    std::deque<std::shared_ptr<Outgoing>> queue;  ///< with pieces that have not started
    std::unordered_set<std::shared_ptr<Outgoing>> unfinished;
    std::size_t under_way = 0;                                                ///< pieces, but for those in slots
    std::shared_ptr<std::size_t> signals = std::make_shared<std::size_t>(0);  ///< under way
    std::vector<std::uint64_t> given_back;             ///< slots that it hears of when it is connected
    std::unordered_map<Ticket, std::uint32_t> pieces;  ///< sent so far, of transfers whose last piece is to come
    std::vector<std::function<void(bool)>> dropped;
    std::chrono::steady_clock::time_point deadline;
  };
  struct Sending {
    UcxSender* owner = nullptr;
    std::shared_ptr<Peer> peer;
    std::shared_ptr<Outgoing> push;
    HeaderBytes header;
    Buffer packed;
    std::uint32_t slot = 0;  ///< as in the header
    std::size_t bytes = 0;
    bool probe = false;
    std::list<Sending>::iterator self;
  };

  static void endpoint_failed(void* peer, ucp_ep_h endpoint, ucs_status_t status);
  static void sent(void* request, ucs_status_t status, void* sending);
  static void closed(void* request, ucs_status_t status, void* peer);
  Result<ucp_ep_h> connect(Peer& peer, UcxWorker& worker, std::string_view address);
  static ucs_status_t send_copy(ucp_ep_h endpoint, unsigned id, std::string bytes,
                                std::shared_ptr<std::size_t> counted);
  static ucp_ep_h endpoint_of(const Peer& peer) {
    return peer.shared_memory != nullptr ? peer.shared_memory : peer.endpoint;
  }
  void connected(Peer& peer);
  bool start_what_may(const std::shared_ptr<Peer>& peer);
  void start_next(const std::shared_ptr<Peer>& peer);
  PieceHeader next_header(Peer& peer, const Outgoing& push, const Cut& cut);
  void send_by_slot(Sending& sending, const Cut& cut, PieceHeader header);
  void send_by_message(Sending& sending, const Cut& cut, PieceHeader header);
  void finish(Sending& sending, ucs_status_t status);
  void end_if_done(Peer& peer, const std::shared_ptr<Outgoing>& push);
  void end(Peer& peer, const std::shared_ptr<Outgoing>& push);
  void fail_pushes(Peer& peer, const Error& error);
  void close_endpoints(Peer& peer);
  void give_up_slots(Peer& peer);
  void close(Peer& peer, ucp_ep_h endpoint);
  std::size_t piece_bytes(const Peer& peer) const;

  Options options_;
  SharedCounters& counters_;
  std::function<void(PeerId, const Error&)> broken_;
  std::unordered_map<PeerId, std::shared_ptr<Peer>> peers_;
  std::vector<std::shared_ptr<Peer>> leaving_;    ///< dropped, still closing
  std::vector<std::shared_ptr<Peer>> abandoned_;  ///< UCX did not give them back; they live as long as it
  std::list<Sending> sending_;
  BufferPool buffers_{16 * 1024 * 1024};
};

}  // namespace troupe::link
