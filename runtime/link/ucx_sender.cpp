#include "runtime/link/ucx_sender.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock/wall_clock.hpp"

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

Result<void> UcxSender::add_peer(PeerId id, UcxWorker& worker, std::string_view worker_address) {
  auto peer = std::make_shared<Peer>();
  peer->owner = this;
  peer->id = id;
  TRY(endpoint, connect(*peer, worker, worker_address));
  peer->endpoint = endpoint;
  peers_.emplace(id, std::move(peer));
  return {};
}

Result<void> UcxSender::use_shared_memory(PeerId id, UcxWorker& worker, std::string_view worker_address) {
  if (!reachable(id)) return Error{ErrorCode::kUnavailable, "the peer is gone"};
  Peer& peer = *peers_.at(id);
  TRY(endpoint, connect(peer, worker, worker_address));
  peer.shared_memory = endpoint;
  return {};
}

void UcxSender::send_hello(PeerId id, std::string hello) {
  Peer& peer = *peers_.at(id);
  send_copy(peer.endpoint, kHelloMessage, std::move(hello), peer.signals);
}

void UcxSender::send_signal(PeerId id, Signal::Kind kind, std::uint64_t value) {
  if (!reachable(id)) return;
  Peer& peer = *peers_.at(id);
  if (*peer.signals >= kMostSignals) return;
  const SignalBytes bytes = encode(Signal{kind, options_.link_id, value});
  send_copy(peer.shared_memory != nullptr ? peer.shared_memory : peer.endpoint, kSignalMessage,
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, peer.signals);
}

void UcxSender::send_copy(ucp_ep_h endpoint, unsigned id, std::string bytes, std::shared_ptr<std::size_t> counted) {
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
}

bool UcxSender::reachable(PeerId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && !found->second->failed && !found->second->broken;
}

void UcxSender::push(PeerId id, Push push, const Slab& slab, PushDone done) {
  if (auto valid = validate(push, slab); !valid.ok()) return done(valid.error());
  if (!reachable(id)) return done(Error{ErrorCode::kUnavailable, "the peer is gone: send elsewhere"});
  Peer& peer = *peers_.at(id);
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->cuts = cut(push, slab.layout, options_.piece_bytes);
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
  outgoing->cuts = cut_probe(bytes, options_.piece_bytes);
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
  close_endpoints(*peer);
  fail_pushes(*peer, {ErrorCode::kUnavailable, "the peer was dropped"});
}

void UcxSender::drop_all() {
  while (!peers_.empty()) drop(peers_.begin()->first, [](bool) {});
}

void UcxSender::endpoint_failed(void* peer, ucp_ep_h, ucs_status_t status) {
  auto* const of = static_cast<Peer*>(peer);
  of->failed = true;
  of->why = status;
}

void UcxSender::pump() {
  std::vector<std::shared_ptr<Peer>> failed;
  for (auto& [id, peer] : peers_) {
    if (peer->failed && !peer->broken) failed.push_back(peer);
    while (!peer->failed && peer->under_way < kMostUnderWay && !peer->queue.empty()) start_next(peer);
  }
  for (const auto& peer : failed) {
    const Error error{ErrorCode::kUnavailable,
                      std::string("the peer's endpoint failed: ") + ucs_status_string(peer->why)};
    peer->broken = true;
    close_endpoints(*peer);
    fail_pushes(*peer, error);
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
  auto bytes = cut.probe ? std::nullopt : one_run(push->push, push->slab, cut);
  if (!bytes) {
    at->packed = buffers_.take(cut.bytes);
    bytes = at->packed.first(cut.bytes);
    if (cut.probe) {
      std::fill_n(at->packed.memory.get(), cut.bytes, std::byte{0});  // nothing of this process's memory leaves it
    } else {
      gather(push->push, push->slab, cut, at->packed.first(cut.bytes));
    }
  }
  PieceHeader header = header_of(push->push, cut);
  header.link_id = options_.link_id;
  header.checked = options_.checksums;
  if (header.checked) header.checksum = checksum_of(*bytes);
  if (peer->pieces.size() >= kMostTransfers && !peer->pieces.contains(header.ticket)) {
    peer->pieces.erase(peer->pieces.begin());
  }
  const std::uint32_t count = cut.probe ? 0 : ++peer->pieces[header.ticket];
  if (header.last) {
    header.pieces = count;
    peer->pieces.erase(header.ticket);
  }
  at->header = encode(header);
  ++peer->under_way;
  ++push->under_way;

  ucp_request_param_t param{};
  param.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS;
  param.flags = cut.bytes >= kAnnouncedFrom ? UCP_AM_SEND_FLAG_RNDV : 0;
  param.cb.send = &UcxSender::sent;
  param.user_data = &*at;
  const ucp_ep_h endpoint = peer->shared_memory != nullptr ? peer->shared_memory : peer->endpoint;
  const ucs_status_ptr_t request = ucp_am_send_nbx(endpoint, kPieceMessage, at->header.data(), at->header.size(),
                                                   bytes->data(), bytes->size(), &param);
  if (request == nullptr) {
    finish(*at, UCS_OK);
  } else if (UCS_PTR_IS_ERR(request)) {
    finish(*at, UCS_PTR_STATUS(request));
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
  --peer->under_way;
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

void UcxSender::close_endpoints(Peer& peer) {
  for (ucp_ep_h* endpoint : {&peer.shared_memory, &peer.endpoint}) {
    if (*endpoint == nullptr) continue;
    ucp_request_param_t param{};
    param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    param.flags = UCP_EP_CLOSE_FLAG_FORCE;
    param.cb.send = &UcxSender::closed;
    param.user_data = &peer;
    const ucs_status_ptr_t request = ucp_ep_close_nbx(std::exchange(*endpoint, nullptr), &param);
    if (UCS_PTR_IS_PTR(request)) ++peer.closing;
  }
}

void UcxSender::closed(void* request, ucs_status_t, void* peer) {
  ucp_request_free(request);
  --static_cast<Peer*>(peer)->closing;
}

}  // namespace troupe::link
