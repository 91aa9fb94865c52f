// A push waits in its peer's queue; one piece at a time occupies the wire for bytes / bandwidth, and is delivered a
// latency later. Its bytes are read when it is delivered, its checksum was taken when it was pushed: a sender that
// writes its blocks before the push is done is found out here as over UCX.
#include "runtime/link/local_link.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/link/checksum.hpp"
#include "runtime/link/sending.hpp"

namespace troupe::link {
namespace {

constexpr std::string_view kAddressPrefix = "local:";
constexpr std::chrono::seconds kAnswerWithin{2};

}  // namespace

class LocalLink final : public Link {
 public:
  LocalLink(std::shared_ptr<LocalNetwork> network, std::uint64_t link_id)
      : network_(std::move(network)), link_id_(link_id) {
    network_->nodes_[link_id_] = this;
  }
  ~LocalLink() override;

  SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) override;
  std::string address() const override { return std::string(kAddressPrefix) + std::to_string(link_id_); }
  Result<PeerId> add_peer(std::string_view address) override;
  void on_broken(std::function<void(PeerId, const Error&)>) override {}  // nothing breaks here
  Path path(PeerId peer) const override;
  void drop_peer(PeerId peer, std::function<void()> done) override;
  void open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) override;
  void close_landing(Ticket ticket) override;
  void push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) override;
  void probe(PeerId peer, std::function<void(Result<Probe>)> probed) override;
  Counters counters() const override { return counters_; }

 private:
  struct Outgoing {
    Push push;
    Slab slab;
    std::function<void(Result<Pushed>)> done;
    std::vector<Cut> cuts;
    std::vector<std::uint64_t> checksums;  ///< of the cuts, when the push was made
    std::size_t next = 0;
    std::size_t on_the_way = 0;
    std::size_t bytes = 0;
    std::chrono::nanoseconds start{};
  };
  struct Peer {
    PeerId id;
    std::uint64_t link_id = 0;
    bool sending = false;  ///< a piece is on the wire
    bool dropped = false;  ///< may be added again, though its end is still to come
    std::deque<std::shared_ptr<Outgoing>> queue;
    std::vector<std::shared_ptr<Outgoing>> unfinished;
    std::unordered_map<Ticket, std::uint32_t> pieces;
    std::function<void(Result<Probe>)> probed;  ///< of the probe under way
    std::uint64_t probes = 0;
  };
  struct Open {
    LandingState state;
    std::function<void(Result<Arrival>)> arrived;
  };

  /// Posts what must not happen inside the caller's call.
  void later(std::chrono::nanoseconds delay, std::function<void()> what);
  std::chrono::nanoseconds now() const {
    return network_->options_.now ? network_->options_.now() : std::chrono::nanoseconds{};
  }
  void start_next(const std::shared_ptr<Peer>& peer);
  void deliver(const std::shared_ptr<Peer>& peer, const std::shared_ptr<Outgoing>& push, const Cut& cut,
               const PieceHeader& header, Fault fault);
  void receive(const PieceHeader& header, std::span<const std::byte> bytes);
  void end(Ticket ticket, Result<Arrival> outcome);
  void end_probe(const std::shared_ptr<Peer>& peer, std::uint64_t number, Result<Probe> outcome);
  const Slab* slab(SlabId id) const { return id.value < slabs_.size() ? &slabs_[id.value] : nullptr; }

  std::shared_ptr<LocalNetwork> network_;
  const std::uint64_t link_id_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);  ///< what was posted looks whether the link is gone
  std::vector<Slab> slabs_;
  std::map<PeerId, std::shared_ptr<Peer>> peers_;
  std::unordered_map<Ticket, Open> landings_;
  std::uint64_t last_peer_ = 0;
  Counters counters_;
};

std::shared_ptr<LocalNetwork> LocalNetwork::make(LocalOptions options) {
  CHECK(options.later != nullptr);
  return std::shared_ptr<LocalNetwork>(new LocalNetwork(std::move(options)));
}

std::unique_ptr<Link> LocalNetwork::add_node() { return std::make_unique<LocalLink>(shared_from_this(), ++last_node_); }

LocalLink::~LocalLink() {
  network_->nodes_.erase(link_id_);
  const auto peers = std::move(peers_);
  peers_.clear();
  auto landings = std::move(landings_);
  landings_.clear();
  for (auto& [ticket, landing] : landings) landing.arrived(Error{ErrorCode::kCancelled, "the node is stopping"});
  for (const auto& [id, peer] : peers) {
    end_probe(peer, peer->probes, Error{ErrorCode::kUnavailable, "the node is stopping"});
    for (const auto& push : peer->unfinished) push->done(Error{ErrorCode::kUnavailable, "the node is stopping"});
  }
}

void LocalLink::later(std::chrono::nanoseconds delay, std::function<void()> what) {
  network_->options_.later(delay, [alive = std::weak_ptr(alive_), what = std::move(what)] {
    if (!alive.expired()) what();
  });
}

SlabId LocalLink::add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) {
  CHECK(memory.size() >= layout.slab_bytes(), memory.size(), layout.slab_bytes());
  CHECK(layout.layer_block_bytes() > 0 && layout.layer_block_bytes() <= kMostPieceBytes, layout.layer_block_bytes());
  slabs_.push_back({memory, layout});
  return SlabId{static_cast<std::uint32_t>(slabs_.size() - 1)};
}

Result<PeerId> LocalLink::add_peer(std::string_view address) {
  std::uint64_t link_id = 0;
  bool valid = address.starts_with(kAddressPrefix) && address.size() <= kAddressPrefix.size() + 18;
  if (valid) address.remove_prefix(kAddressPrefix.size());
  for (const char digit : address) {
    valid = valid && digit >= '0' && digit <= '9';
    if (valid) link_id = link_id * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (!valid || link_id == 0) return Error{ErrorCode::kInvalidInput, "this is no address of a local link"};
  if (!network_->nodes_.contains(link_id)) return Error{ErrorCode::kUnavailable, "the node is gone"};
  for (const auto& [id, peer] : peers_) {
    if (peer->link_id == link_id && !peer->dropped) {
      return Error{ErrorCode::kInvalidInput, "this peer is known already: drop it before it is added again"};
    }
  }
  auto peer = std::make_shared<Peer>();
  peer->id = PeerId{++last_peer_};
  peer->link_id = link_id;
  peers_[peer->id] = peer;
  return peer->id;
}

Path LocalLink::path(PeerId peer) const {
  if (!peers_.contains(peer)) return {"none", "the peer is not known"};
  return {"in this process", ""};
}

void LocalLink::drop_peer(PeerId id, std::function<void()> done) {
  if (const auto peer = peers_.find(id); peer != peers_.end()) peer->second->dropped = true;
  later({}, [this, id, done = std::move(done)] {
    const Error gone{ErrorCode::kUnavailable, "the peer was dropped"};
    std::vector<Ticket> lost;
    for (const auto& [ticket, landing] : landings_) {
      if (landing.state.from() == id) lost.push_back(ticket);
    }
    for (const Ticket& ticket : lost) end(ticket, gone);
    if (const auto found = peers_.find(id); found != peers_.end()) {
      const auto peer = found->second;
      peers_.erase(found);
      peer->queue.clear();
      for (const auto& push : std::exchange(peer->unfinished, {})) push->done(gone);
      end_probe(peer, peer->probes, gone);
    }
    done();
  });
}

void LocalLink::open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) {
  std::optional<Error> wrong;
  if (const Slab* into = slab(landing.slab); into == nullptr) {
    wrong = Error{ErrorCode::kInvalidInput, "a landing in a slab that was never added"};
  } else if (auto valid = validate(landing, *into); !valid.ok()) {
    wrong = valid.error();
  } else if (!peers_.contains(landing.from)) {
    wrong = Error{ErrorCode::kUnavailable, "the peer that is to send is not known or gone"};
  } else if (landings_.contains(landing.ticket)) {
    wrong = Error{ErrorCode::kInvalidInput, "a landing with this ticket is open: draw a new one for each"};
  }
  if (wrong) return later({}, [wrong = *wrong, arrived = std::move(arrived)] { arrived(wrong); });
  const Ticket ticket = landing.ticket;
  const Slab into = *slab(landing.slab);
  landings_.emplace(ticket,
                    Open{LandingState(std::move(landing), into, network_->options_.checksums), std::move(arrived)});
}

void LocalLink::close_landing(Ticket ticket) {
  later({}, [this, ticket] { end(ticket, Error{ErrorCode::kCancelled, "the landing was closed"}); });
}

void LocalLink::push(PeerId id, Push push, std::function<void(Result<Pushed>)> pushed) {
  std::optional<Error> wrong;
  const Slab* from = slab(push.slab);
  const auto peer = peers_.find(id);
  if (from == nullptr) {
    wrong = Error{ErrorCode::kInvalidInput, "a push from a slab that was never added"};
  } else if (auto valid = validate(push, *from); !valid.ok()) {
    wrong = valid.error();
  } else if (peer == peers_.end()) {
    wrong = Error{ErrorCode::kUnavailable, "the peer is gone: send elsewhere"};
  }
  if (wrong) return later({}, [wrong = *wrong, pushed = std::move(pushed)] { pushed(wrong); });
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->slab = *from;
  outgoing->cuts = cut(push, from->layout, network_->options_.piece_bytes);
  for (const Cut& cut : outgoing->cuts) {
    if (!network_->options_.checksums) break;
    std::vector<std::byte> bytes(cut.bytes);
    gather(push, *from, cut, bytes);
    outgoing->checksums.push_back(checksum_of(bytes));
  }
  outgoing->push = std::move(push);
  outgoing->done = std::move(pushed);
  outgoing->start = now();
  peer->second->unfinished.push_back(outgoing);
  peer->second->queue.push_back(std::move(outgoing));
  if (!peer->second->sending) start_next(peer->second);
}

void LocalLink::probe(PeerId id, std::function<void(Result<Probe>)> probed) {
  const auto found = peers_.find(id);
  std::optional<Error> wrong;
  if (found == peers_.end()) {
    wrong = Error{ErrorCode::kUnavailable, "the peer is not known or gone"};
  } else if (found->second->probed) {
    wrong = Error{ErrorCode::kOverloaded, "a probe to this peer is under way: wait for its end"};
  }
  if (wrong) return later({}, [wrong = *wrong, probed = std::move(probed)] { probed(wrong); });
  const auto peer = found->second;
  peer->probed = std::move(probed);
  const std::uint64_t number = ++peer->probes;
  const auto& options = network_->options_;
  const bool limited = options.bytes_per_second > 0;
  const std::chrono::nanoseconds on_wire(
      limited ? static_cast<std::int64_t>(static_cast<double>(kProbeBytes) / options.bytes_per_second * 1e9) : 0);
  const double rate = limited ? options.bytes_per_second : std::numeric_limits<double>::infinity();
  later(2 * options.latency + on_wire, [this, peer, number, probe = Probe{2 * options.latency, rate, kProbeBytes}] {
    if (network_->nodes_.contains(peer->link_id)) end_probe(peer, number, probe);
  });
  later(2 * options.latency + on_wire + kAnswerWithin, [this, peer, number] {
    end_probe(peer, number, Error{ErrorCode::kUnavailable, "the peer did not answer a probe in time"});
  });
}

void LocalLink::end_probe(const std::shared_ptr<Peer>& peer, std::uint64_t number, Result<Probe> outcome) {
  if (peer->probes != number || !peer->probed) return;
  std::exchange(peer->probed, nullptr)(std::move(outcome));
}

void LocalLink::start_next(const std::shared_ptr<Peer>& peer) {
  peer->sending = !peer->queue.empty();
  if (!peer->sending) return;
  const auto push = peer->queue.front();
  const std::size_t number = push->next++;
  if (push->next == push->cuts.size()) peer->queue.pop_front();
  const Cut cut = push->cuts[number];
  PieceHeader header = header_of(push->push, cut);
  header.link_id = link_id_;
  header.checked = network_->options_.checksums;
  if (header.checked) header.checksum = push->checksums[number];
  const std::uint32_t count = ++peer->pieces[header.ticket];
  if (header.last) {
    header.pieces = count;
    peer->pieces.erase(header.ticket);
  }
  ++push->on_the_way;

  const auto& options = network_->options_;
  const Travelling travelling{network_->pieces_++, header.ticket, cut.bytes, cut.last, link_id_, peer->link_id};
  const Fault fault = options.fault ? options.fault(travelling) : Fault{};
  const std::chrono::nanoseconds on_wire(
      options.bytes_per_second > 0
          ? static_cast<std::int64_t>(static_cast<double>(cut.bytes) / options.bytes_per_second * 1e9)
          : 0);
  later(on_wire + options.latency + fault.delay,
        [this, peer, push, cut, header, fault] { deliver(peer, push, cut, header, fault); });
  later(on_wire, [this, peer] { start_next(peer); });
}

void LocalLink::deliver(const std::shared_ptr<Peer>& peer, const std::shared_ptr<Outgoing>& push, const Cut& cut,
                        const PieceHeader& header, Fault fault) {
  if (std::find(peer->unfinished.begin(), peer->unfinished.end(), push) == peer->unfinished.end()) return;  // dropped
  const auto node = network_->nodes_.find(peer->link_id);
  if (node == network_->nodes_.end()) return;  // nobody answers: the push ends when the peer is dropped
  LocalLink& there = *node->second;
  std::vector<std::byte> bytes(cut.bytes);
  gather(push->push, push->slab, cut, bytes);
  // Through its encoding and back, as a real piece goes.
  const PieceHeader decoded = decode(encode(header)).value();
  if (fault.kind == Fault::Kind::kCorrupt && !bytes.empty()) bytes[bytes.size() / 2] ^= std::byte{1};
  const std::weak_ptr<int> alive = alive_;
  if (fault.kind != Fault::Kind::kDrop) {
    const std::weak_ptr<int> there_alive = there.alive_;
    there.receive(decoded, bytes);
    if (fault.kind == Fault::Kind::kDuplicate && !there_alive.expired()) there.receive(decoded, bytes);
  }
  if (alive.expired()) return;  // what heard of the arrival ended this node
  counters_.bytes_sent += cut.bytes;
  push->bytes += cut.bytes;
  --push->on_the_way;
  if (push->on_the_way == 0 && push->next == push->cuts.size() && std::erase(peer->unfinished, push) != 0) {
    push->done(Pushed{push->bytes, now() - push->start});
  }
}

void LocalLink::receive(const PieceHeader& header, std::span<const std::byte> bytes) {
  const auto landing = landings_.find(header.ticket);
  const auto from = landing == landings_.end() ? peers_.end() : peers_.find(landing->second.state.from());
  if (from == peers_.end() || from->second->link_id != header.link_id ||
      !landing->second.state.admit(header, now()).ok()) {
    ++counters_.pieces_refused;
    return;
  }
  auto progress = landing->second.state.write(header, bytes, now());
  if (!progress.ok()) {
    if (landing->second.state.damaged()) ++counters_.checksum_failures;
    return end(header.ticket, progress.error());
  }
  counters_.bytes_received += bytes.size();
  if (*progress == LandingState::Progress::kComplete) end(header.ticket, landing->second.state.arrival());
}

void LocalLink::end(Ticket ticket, Result<Arrival> outcome) {
  const auto landing = landings_.find(ticket);
  if (landing == landings_.end()) return;
  const auto arrived = std::move(landing->second.arrived);
  landings_.erase(landing);
  arrived(std::move(outcome));
}

}  // namespace troupe::link
