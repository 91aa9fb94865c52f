// The receiving half of the UCX link: open landings, and pieces whose bytes are under way. All of it on the link's
// thread.
//
// A piece's header is judged when it is announced, before memory is spent on it. Its bytes go to a staging buffer, are
// verified there and only then copied: whatever a peer does later, the slab holds what was checked. Staging is bounded
// for each peer, so that one that stalls holds up itself and not the others, and in all.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "runtime/link/buffer_pool.hpp"
#include "runtime/link/landing.hpp"
#include "runtime/link/shared_counters.hpp"
#include "runtime/link/ucx_worker.hpp"

namespace troupe::link {

class UcxReceiver {
 public:
  using Arrived = std::function<void(Result<Arrival>)>;

  UcxReceiver(bool checksums, SharedCounters& counters) : checksums_(checksums), counters_(counters) {}

  /// Hears the worker's pieces. The receiver outlives the worker.
  void attach(UcxWorker& worker);
  /// Whether anything that came by the worker is still on its way.
  bool uses(const UcxWorker& worker) const;

  void add_peer(std::uint64_t link_id, PeerId peer) { peers_[link_id] = peer; }
  bool knows(std::uint64_t link_id) const { return peers_.contains(link_id); }
  std::optional<PeerId> peer(std::uint64_t link_id) const {
    const auto found = peers_.find(link_id);
    return found == peers_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Ends the peer's landings with kUnavailable. What is under way from it goes nowhere.
  void fail_peer(PeerId peer, const Error& error);
  /// The same, and its pieces are refused from now on.
  void forget_peer(PeerId peer, const Error& error);

  void open(Landing landing, const Slab& slab, Arrived arrived);
  void close(Ticket ticket, const Error& error);
  void close_all(const Error& error);

  /// Starts what waited for room.
  void pump();
  /// Whether bytes are under way.
  bool busy() const { return !incoming_.empty(); }

 private:
  struct Open {
    LandingState state;
    Arrived arrived;
    std::uint64_t serial = 0;  ///< tells this landing from a later one
  };
  struct Incoming {
    UcxReceiver* owner = nullptr;
    UcxWorker* worker = nullptr;
    void* announced = nullptr;  ///< UCX's descriptor, until the receive starts
    PieceHeader header;
    std::uint64_t serial = 0;
    PeerId from;
    Buffer buffer;
    bool counted = false;  ///< its bytes are part of staged_
    std::list<Incoming>::iterator self;
  };
  struct Attached {
    UcxReceiver* owner;
    UcxWorker* worker;
  };
  using Landings = std::unordered_map<Ticket, Open>;

  static ucs_status_t heard(void* argument, const void* header, std::size_t header_length, void* data,
                            std::size_t length, const ucp_am_recv_param_t* param);
  static void received(void* request, ucs_status_t status, std::size_t length, void* incoming);
  ucs_status_t hear(UcxWorker& worker, std::span<const std::byte> header, void* data, std::size_t length,
                    bool announced);
  ucs_status_t wait_for(UcxWorker& worker, void* announced, const PieceHeader& header, std::uint64_t serial,
                        PeerId from);
  bool has_room(PeerId from, std::size_t bytes) const;
  void start(Incoming& incoming);
  void finish(Incoming& incoming, ucs_status_t status, std::size_t length);
  void uncount(Incoming& incoming);
  void write(Landings::iterator landing, const PieceHeader& header, std::span<const std::byte> bytes);
  void end(Landings::iterator landing, Result<Arrival> outcome);
  void discard_waiting(const std::function<bool(const Incoming&)>& unwanted);
  void discard_waiting_of_none();

  bool checksums_;
  SharedCounters& counters_;
  std::vector<std::unique_ptr<Attached>> attached_;
  std::unordered_map<std::uint64_t, PeerId> peers_;  ///< by link id
  Landings landings_;
  std::uint64_t last_serial_ = 0;
  std::list<Incoming> waiting_;   ///< announced, no room yet
  std::list<Incoming> incoming_;  ///< bytes under way
  std::unordered_map<PeerId, std::size_t> staged_;
  std::size_t staged_in_all_ = 0;
  bool look_again_ = false;
  BufferPool buffers_{16 * 1024 * 1024};
};

}  // namespace troupe::link
