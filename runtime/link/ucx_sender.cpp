#include "runtime/link/ucx_sender.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock/wall_clock.hpp"
#include "runtime/link/checksum.hpp"

namespace troupe::link {
namespace {

constexpr std::size_t kMostUnderWay = 4;  // pieces to one peer
constexpr std::chrono::seconds kCloseWithin{2};
constexpr std::size_t kMostSignals = 64;  // to one peer
// Transfers begun and never ended are forgotten past this many; should one of them go on after all, its receiver sees a
// wrong count and asks for it again.
constexpr std::size_t kMostTransfers = 65536;
// Shorter pieces travel at once; longer ones are announced, so that the receiver may refuse them before their bytes.
constexpr std::size_t kAnnouncedFrom = 4096;

}  // namespace

Result<ucp_ep_h> UcxSender::connect(Peer& peer, UcxWorker& worker, std::string_view address) {
  ucp_ep_params_t params{};
  params.field_mask =
      UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;
  params.address = reinterpret_cast<const ucp_address_t*>(address.data());
  params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
  params.err_handler.cb = &UcxSender::endpoint_failed;
  params.err_handler.arg = &peer;
  ucp_ep_h endpoint = nullptr;
  if (const ucs_status_t status = ucp_ep_create(worker.handle(), &params, &endpoint); status != UCS_OK) {
    return Error{ErrorCode::kUnavailable, std::string("the peer cannot be reached: ") + ucs_status_string(status)};
  }
  return endpoint;
}

void UcxSender::add_peer(PeerId id) {
  auto peer = std::make_shared<Peer>();
  peer->owner = this;
  peer->id = id;
  peers_.emplace(id, std::move(peer));
}

Result<void> UcxSender::use_tcp(PeerId id, UcxWorker& worker, std::string_view worker_address) {
  if (!reachable(id)) return Error{ErrorCode::kUnavailable, "the peer is gone"};
  Peer& peer = *peers_.at(id);
  CHECK(peer.endpoint == nullptr);
  TRY(endpoint, connect(peer, worker, worker_address));
  peer.endpoint = endpoint;
  connected(peer);
  return {};
}

Result<void> UcxSender::use_shared_memory(PeerId id, UcxWorker& worker, const NodeAddress& word) {
  if (!reachable(id)) return Error{ErrorCode::kUnavailable, "the peer is gone"};
  Peer& peer = *peers_.at(id);
  CHECK(peer.shared_memory == nullptr);
  TRY(endpoint, connect(peer, worker, word.shared_memory));
  auto ring = UcxRemoteRing::attach(endpoint, word.ring);
  if (!ring.ok()) {
    close(peer, endpoint);
    return ring.error();
  }
  peer.shared_memory = endpoint;
  peer.ring = std::move(ring).value();
  peer.slots.assign(peer.ring->slots(), nullptr);
  for (std::uint32_t slot = peer.ring->slots(); slot > 0; --slot) peer.free_slots.push_back(slot - 1);
  connected(peer);
  return {};
}

void UcxSender::connected(Peer& peer) {
  send_signal(peer.id, Signal::Kind::kPing, 0);  // so that no transfer pays for the wire-up
  for (const std::uint64_t slot : std::exchange(peer.given_back, {})) {
    send_signal(peer.id, Signal::Kind::kSlotFree, slot);
  }
}

void UcxSender::send_signal(PeerId id, Signal::Kind kind, std::uint64_t value) {
  if (!reachable(id)) return;
  Peer& peer = *peers_.at(id);
  // Word of free slots is bounded by the slots, and must not be lost.
  const bool must = kind == Signal::Kind::kSlotFree;
  const ucp_ep_h endpoint = endpoint_of(peer);
  if (endpoint == nullptr && must) peer.given_back.push_back(value);
  if (endpoint == nullptr || (!must && *peer.signals >= kMostSignals)) return;
  const SignalBytes bytes = encode(Signal{kind, options_.link_id, value});
  static_cast<void>(
      send_copy(endpoint, kSignalMessage, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, peer.signals));
}

ucs_status_t UcxSender::send_copy(ucp_ep_h endpoint, unsigned id, std::string bytes,
                                  std::shared_ptr<std::size_t> counted) {
  struct Copy {
    std::string bytes;
    std::shared_ptr<std::size_t> counted;
    ~Copy() { --*counted; }
  };
  ++*counted;
  std::unique_ptr<Copy> copy(new Copy{std::move(bytes), std::move(counted)});
  ucp_request_param_t param{};
  param.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
  param.cb.send = [](void* request, ucs_status_t, void* user_data) {
    ucp_request_free(request);
    delete static_cast<Copy*>(user_data);
  };
  param.user_data = copy.get();
  const ucs_status_ptr_t request =
      ucp_am_send_nbx(endpoint, id, nullptr, 0, copy->bytes.data(), copy->bytes.size(), &param);
  if (UCS_PTR_IS_PTR(request)) static_cast<void>(copy.release());  // until UCX has taken it
  return UCS_PTR_IS_ERR(request) ? UCS_PTR_STATUS(request) : UCS_OK;
}

Result<void> UcxSender::slot_is_free(PeerId id, std::uint64_t slot) {
  const auto found = peers_.find(id);
  const bool under_way =
      found != peers_.end() && slot < found->second->slots.size() && found->second->slots[slot] != nullptr;
  if (!under_way) return Error{ErrorCode::kInvalidInput, "a slot that is not under way"};
  finish(*found->second->slots[slot], UCS_OK);
  return {};
}

bool UcxSender::shares_memory(PeerId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second->shared_memory != nullptr;
}

bool UcxSender::uses_tcp(PeerId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second->endpoint != nullptr;
}

bool UcxSender::reachable(PeerId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && !found->second->failed && !found->second->broken;
}

std::size_t UcxSender::piece_bytes(const Peer& peer) const {
  return peer.ring == nullptr ? options_.piece_bytes : std::min(options_.piece_bytes, peer.ring->slot_bytes());
}

void UcxSender::push(PeerId id, Push push, const Slab& slab, PushDone done) {
  if (auto valid = validate(push, slab); !valid.ok()) return done(valid.error());
  if (!reachable(id)) return done(Error{ErrorCode::kUnavailable, "the peer is gone: send elsewhere"});
  Peer& peer = *peers_.at(id);
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->cuts = cut(push, slab.layout, piece_bytes(peer));
  outgoing->push = std::move(push);
  outgoing->slab = slab;
  outgoing->done = std::move(done);
  outgoing->start = clock::steady_now();
  peer.unfinished.insert(outgoing);
  peer.queue.push_back(std::move(outgoing));
}

void UcxSender::send_probe(PeerId id, std::size_t bytes, PushDone done) {
  if (!reachable(id)) return done(Error{ErrorCode::kUnavailable, "the peer is gone"});
  Peer& peer = *peers_.at(id);
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->cuts = cut_probe(bytes, piece_bytes(peer));
  outgoing->done = std::move(done);
  outgoing->start = clock::steady_now();
  peer.unfinished.insert(outgoing);
  peer.queue.push_back(std::move(outgoing));
}

void UcxSender::drop(PeerId id, std::function<void(bool)> done) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) {
    // A second drop while the first is under way hears of the same end.
    for (const auto& peer : leaving_) {
      if (peer->id == id) return peer->dropped.push_back(std::move(done));
    }
    return done(true);
  }
  const auto peer = found->second;
  peers_.erase(found);
  peer->dropped.push_back(std::move(done));
  peer->deadline = clock::steady_now() + kCloseWithin;
  leaving_.push_back(peer);
  fail_pushes(*peer, {ErrorCode::kUnavailable, "the peer was dropped"});
  close_endpoints(*peer);
}

void UcxSender::drop_all() {
  while (!peers_.empty()) drop(peers_.begin()->first, [](bool) {});
}

void UcxSender::endpoint_failed(void* peer, ucp_ep_h, ucs_status_t status) {
  auto* const of = static_cast<Peer*>(peer);
  of->failed = true;
  of->why = status;
}

bool UcxSender::pump() {
  bool started = false;
  std::vector<std::shared_ptr<Peer>> failed;
  for (auto& [id, peer] : peers_) {
    if (peer->failed && !peer->broken) failed.push_back(peer);
    if (!peer->failed) started = start_what_may(peer) || started;
  }
  for (const auto& peer : failed) {
    const Error error{ErrorCode::kUnavailable,
                      std::string("the peer's endpoint failed: ") + ucs_status_string(peer->why)};
    peer->broken = true;
    fail_pushes(*peer, error);
    close_endpoints(*peer);
    broken_(peer->id, error);
  }
  const auto now = leaving_.empty() ? std::chrono::steady_clock::time_point{} : clock::steady_now();
  for (std::size_t i = 0; i < leaving_.size();) {
    const auto peer = leaving_[i];
    const bool given_back = peer->closing == 0 && peer->under_way == 0;
    if (!given_back && now < peer->deadline) {
      ++i;
      continue;
    }
    leaving_.erase(leaving_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!given_back) abandoned_.push_back(peer);
    while (!peer->unfinished.empty()) end(*peer, *peer->unfinished.begin());
    for (const auto& dropped : peer->dropped) dropped(given_back);
  }
  return started;
}

bool UcxSender::start_what_may(const std::shared_ptr<Peer>& peer) {
  bool started = false;
  if (endpoint_of(*peer) == nullptr) return false;
  while (!peer->queue.empty()) {
    const Outgoing& push = *peer->queue.front();
    const bool by_slot = peer->ring != nullptr && push.cuts[push.next].bytes <= peer->ring->slot_bytes();
    if (by_slot ? peer->free_slots.empty() : peer->under_way >= kMostUnderWay) return started;
    start_next(peer);
    started = true;
    if (by_slot) return started;
  }
  return started;
}

void UcxSender::start_next(const std::shared_ptr<Peer>& peer) {
  const auto push = peer->queue.front();
  const Cut& cut = push->cuts[push->next++];
  if (push->next == push->cuts.size()) peer->queue.pop_front();

  const auto at = sending_.insert(sending_.end(), Sending{});
  at->owner = this;
  at->peer = peer;
  at->push = push;
  at->bytes = cut.bytes;
  at->probe = cut.probe;
  at->self = at;
  ++push->under_way;
  const PieceHeader header = next_header(*peer, *push, cut);
  if (peer->ring != nullptr && cut.bytes <= peer->ring->slot_bytes()) {
    send_by_slot(*at, cut, header);
  } else {
    send_by_message(*at, cut, header);
  }
}

PieceHeader UcxSender::next_header(Peer& peer, const Outgoing& push, const Cut& cut) {
  PieceHeader header = header_of(push.push, cut);
  header.link_id = options_.link_id;
  header.checked = options_.checksums;
  if (cut.probe) return header;
  if (peer.pieces.size() >= kMostTransfers && !peer.pieces.contains(header.ticket)) {
    peer.pieces.erase(peer.pieces.begin());
  }
  const std::uint32_t count = ++peer.pieces[header.ticket];
  if (header.last) {
    header.pieces = count;
    peer.pieces.erase(header.ticket);
  }
  return header;
}

void UcxSender::send_by_slot(Sending& sending, const Cut& cut, PieceHeader header) {
  Peer& peer = *sending.peer;
  const std::uint32_t slot = peer.free_slots.back();
  peer.free_slots.pop_back();
  peer.slots[slot] = &sending;
  sending.slot = header.slot = slot + 1;
  const auto into = peer.ring->slot(slot).first(cut.bytes);
  if (header.checked) {
    Checksum packed;
    gather(sending.push->push, sending.push->slab, cut, into, &packed);
    header.checksum = packed.value();
  } else {
    gather(sending.push->push, sending.push->slab, cut, into);
  }
  const HeaderBytes bytes = encode(header);
  const ucs_status_t status = send_copy(peer.shared_memory, kSlotMessage,
                                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, peer.signals);
  if (status != UCS_OK) finish(sending, status);
}

void UcxSender::send_by_message(Sending& sending, const Cut& cut, PieceHeader header) {
  Peer& peer = *sending.peer;
  const Push& push = sending.push->push;
  auto bytes = cut.probe ? std::nullopt : one_run(push, sending.push->slab, cut);
  std::optional<Checksum> checksum;
  if (header.checked) checksum.emplace();
  if (bytes) {
    if (checksum) checksum->add(*bytes);
  } else {
    sending.packed = buffers_.take(cut.bytes);
    bytes = sending.packed.first(cut.bytes);
    gather(push, sending.push->slab, cut, sending.packed.first(cut.bytes), checksum ? &*checksum : nullptr);
  }
  if (checksum) header.checksum = checksum->value();
  sending.header = encode(header);
  ++peer.under_way;

  ucp_request_param_t param{};
  param.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS;
  param.flags = cut.bytes >= kAnnouncedFrom ? UCP_AM_SEND_FLAG_RNDV : 0;
  param.cb.send = &UcxSender::sent;
  param.user_data = &sending;
  const ucs_status_ptr_t request = ucp_am_send_nbx(endpoint_of(peer), kPieceMessage, sending.header.data(),
                                                   sending.header.size(), bytes->data(), bytes->size(), &param);
  if (request == nullptr) {
    finish(sending, UCS_OK);
  } else if (UCS_PTR_IS_ERR(request)) {
    finish(sending, UCS_PTR_STATUS(request));
  }
}

void UcxSender::sent(void* request, ucs_status_t status, void* sending) {
  ucp_request_free(request);
  auto* const piece = static_cast<Sending*>(sending);
  piece->owner->finish(*piece, status);
}

void UcxSender::finish(Sending& sending, ucs_status_t status) {
  const auto peer = sending.peer;
  const auto push = sending.push;
  if (sending.slot != 0) {
    peer->slots[sending.slot - 1] = nullptr;
    peer->free_slots.push_back(sending.slot - 1);
  } else {
    --peer->under_way;
  }
  --push->under_way;
  if (status == UCS_OK) {
    push->bytes += sending.bytes;
    if (!sending.probe) counters_.bytes_sent += sending.bytes;
  } else if (!push->error) {
    push->error = Error{ErrorCode::kUnavailable, std::string("a piece was not taken: ") + ucs_status_string(status)};
  }
  buffers_.give(std::move(sending.packed));
  sending_.erase(sending.self);
  end_if_done(*peer, push);
}

void UcxSender::end_if_done(Peer& peer, const std::shared_ptr<Outgoing>& push) {
  if (push->under_way == 0 && (push->error || push->next == push->cuts.size())) end(peer, push);
}

void UcxSender::end(Peer& peer, const std::shared_ptr<Outgoing>& push) {
  const auto keep = push;  // the reference may be into `unfinished`
  if (peer.unfinished.erase(keep) == 0) return;
  std::erase(peer.queue, keep);
  const PushDone done = std::move(keep->done);
  if (keep->error) return done(*keep->error);
  done(Pushed{keep->bytes, clock::steady_now() - keep->start});
}

void UcxSender::fail_pushes(Peer& peer, const Error& error) {
  peer.queue.clear();
  const std::vector<std::shared_ptr<Outgoing>> all(peer.unfinished.begin(), peer.unfinished.end());
  for (const auto& push : all) {
    if (!push->error && (push->next < push->cuts.size() || push->under_way != 0)) push->error = error;
    end_if_done(peer, push);
  }
}

void UcxSender::give_up_slots(Peer& peer) {
  for (Sending* const sending : std::vector(peer.slots)) {
    if (sending != nullptr) finish(*sending, UCS_ERR_CANCELED);
  }
  peer.ring.reset();
}

void UcxSender::close_endpoints(Peer& peer) {
  give_up_slots(peer);
  for (ucp_ep_h* endpoint : {&peer.shared_memory, &peer.endpoint}) {
    if (*endpoint != nullptr) close(peer, std::exchange(*endpoint, nullptr));
  }
}

void UcxSender::close(Peer& peer, ucp_ep_h endpoint) {
  ucp_request_param_t param{};
  param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
  param.flags = UCP_EP_CLOSE_FLAG_FORCE;
  param.cb.send = &UcxSender::closed;
  param.user_data = &peer;
  if (UCS_PTR_IS_PTR(ucp_ep_close_nbx(endpoint, &param))) ++peer.closing;
}

void UcxSender::closed(void* request, ucs_status_t, void* peer) {
  ucp_request_free(request);
  --static_cast<Peer*>(peer)->closing;
}

}  // namespace troupe::link
