#include "runtime/link/ucx_receiver.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock/wall_clock.hpp"

namespace troupe::link {
namespace {

constexpr std::size_t kMostStagedOfPeer = 8 * 1024 * 1024;
constexpr std::size_t kMostStaged = 64 * 1024 * 1024;
static_assert(kMostStaged >= kMostPieceBytes);

std::chrono::nanoseconds now() { return clock::steady_now().time_since_epoch(); }

}  // namespace

void UcxReceiver::attach(UcxWorker& worker) {
  attached_.push_back(std::make_unique<Attached>(Attached{this, &worker}));
  worker.on_message(kPieceMessage, &UcxReceiver::heard, attached_.back().get());
}

bool UcxReceiver::uses(const UcxWorker& worker) const {
  const auto of_worker = [&](const Incoming& incoming) { return incoming.worker == &worker; };
  return std::any_of(incoming_.begin(), incoming_.end(), of_worker) ||
         std::any_of(waiting_.begin(), waiting_.end(), of_worker);
}

void UcxReceiver::fail_peer(PeerId peer, const Error& error) {
  std::vector<Ticket> lost;
  for (const auto& [ticket, landing] : landings_) {
    if (landing.state.from() == peer) lost.push_back(ticket);
  }
  for (const Ticket& ticket : lost) close(ticket, error);
  discard_waiting([&](const Incoming& incoming) { return incoming.from == peer; });
  // What UCX still receives from it may take its time: the room is the others' now.
  for (Incoming& incoming : incoming_) {
    if (incoming.from == peer) uncount(incoming);
  }
}

void UcxReceiver::forget_peer(PeerId peer, const Error& error) {
  std::erase_if(peers_, [&](const auto& known) { return known.second == peer; });
  fail_peer(peer, error);
}

void UcxReceiver::open(Landing landing, const Slab& slab, Arrived arrived) {
  if (auto valid = validate(landing, slab); !valid.ok()) return arrived(valid.error());
  if (landings_.contains(landing.ticket)) {
    return arrived(Error{ErrorCode::kInvalidInput, "a landing with this ticket is open: draw a new one for each"});
  }
  const Ticket ticket = landing.ticket;
  landings_.emplace(ticket,
                    Open{LandingState(std::move(landing), slab, checksums_), std::move(arrived), ++last_serial_});
}

void UcxReceiver::close(Ticket ticket, const Error& error) {
  if (const auto landing = landings_.find(ticket); landing != landings_.end()) {
    end(landing, error);
    discard_waiting_of_none();
  }
}

void UcxReceiver::close_all(const Error& error) {
  while (!landings_.empty()) end(landings_.begin(), error);
  discard_waiting([](const Incoming&) { return true; });
}

ucs_status_t UcxReceiver::heard(void* argument, const void* header, std::size_t header_length, void* data,
                                std::size_t length, const ucp_am_recv_param_t* param) {
  const auto* attached = static_cast<Attached*>(argument);
  const std::span bytes(static_cast<const std::byte*>(header), header_length);
  return attached->owner->hear(*attached->worker, bytes, data, length,
                               (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0);
}

ucs_status_t UcxReceiver::hear(UcxWorker& worker, std::span<const std::byte> header_bytes, void* data,
                               std::size_t length, bool announced) {
  // An announced piece whose handler returns UCS_OK without having asked for its bytes is thrown away by UCX.
  const auto header = decode(header_bytes);
  const auto peer = header.ok() ? peers_.find(header->link_id) : peers_.end();
  if (peer != peers_.end() && header->probe && header->bytes == length) {
    return announced ? wait_for(worker, data, *header, 0, peer->second) : UCS_OK;
  }
  const auto landing = header.ok() ? landings_.find(header->ticket) : landings_.end();
  if (peer == peers_.end() || landing == landings_.end() || landing->second.state.from() != peer->second ||
      header->bytes != length || !landing->second.state.admit(*header, now()).ok()) {
    ++counters_.pieces_refused;
    return UCS_OK;
  }
  if (!announced || length == 0) {
    write(landing, *header, {static_cast<const std::byte*>(data), length});
    return UCS_OK;
  }
  return wait_for(worker, data, *header, landing->second.serial, peer->second);
}

ucs_status_t UcxReceiver::wait_for(UcxWorker& worker, void* announced, const PieceHeader& header, std::uint64_t serial,
                                   PeerId from) {
  const auto at = waiting_.insert(waiting_.end(), Incoming{});
  *at = Incoming{this, &worker, announced, header, serial, from, {}, false, at};
  if (has_room(from, header.bytes)) start(*at);
  return UCS_INPROGRESS;
}

bool UcxReceiver::has_room(PeerId from, std::size_t bytes) const {
  const auto staged = staged_.find(from);
  const std::size_t of_peer = staged == staged_.end() ? 0 : staged->second;
  return (of_peer == 0 || of_peer + bytes <= kMostStagedOfPeer) && staged_in_all_ + bytes <= kMostStaged;
}

void UcxReceiver::start(Incoming& incoming) {
  incoming_.splice(incoming_.end(), waiting_, incoming.self);
  const std::size_t bytes = incoming.header.bytes;
  incoming.buffer = buffers_.take(bytes);
  incoming.counted = true;
  staged_[incoming.from] += bytes;
  staged_in_all_ += bytes;
  void* const announced = std::exchange(incoming.announced, nullptr);
  std::size_t length = 0;
  ucp_request_param_t param{};
  param.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_RECV_INFO;
  param.cb.recv_am = &UcxReceiver::received;
  param.user_data = &incoming;
  param.recv_info.length = &length;
  const ucs_status_ptr_t request =
      ucp_am_recv_data_nbx(incoming.worker->handle(), announced, incoming.buffer.memory.get(), bytes, &param);
  if (request == nullptr) {
    finish(incoming, UCS_OK, length);
  } else if (UCS_PTR_IS_ERR(request)) {
    finish(incoming, UCS_PTR_STATUS(request), 0);
  }
}

void UcxReceiver::received(void* request, ucs_status_t status, std::size_t length, void* incoming) {
  ucp_request_free(request);
  auto* const piece = static_cast<Incoming*>(incoming);
  piece->owner->finish(*piece, status, length);
}

void UcxReceiver::finish(Incoming& incoming, ucs_status_t status, std::size_t length) {
  const auto landing = landings_.find(incoming.header.ticket);
  const bool alive = landing != landings_.end() && landing->second.serial == incoming.serial;
  if (incoming.header.probe) {
    // Looked at as a transfer's bytes are, for the time that it takes.
    const bool damaged = status == UCS_OK && incoming.header.checked &&
                         checksum_of(incoming.buffer.first(length)) != incoming.header.checksum;
    if (damaged) ++counters_.checksum_failures;
  } else if (!alive) {
    ++counters_.pieces_refused;
  } else if (status != UCS_OK || length != incoming.header.bytes) {
    end(landing, Error{ErrorCode::kUnavailable, std::string("a piece broke off on its way: ") +
                                                    ucs_status_string(status) + "; send the prompt's KV again"});
  } else {
    write(landing, incoming.header, incoming.buffer.first(length));
  }
  uncount(incoming);
  buffers_.give(std::move(incoming.buffer));
  incoming_.erase(incoming.self);
}

void UcxReceiver::uncount(Incoming& incoming) {
  if (!std::exchange(incoming.counted, false)) return;
  const auto of_peer = staged_.find(incoming.from);
  of_peer->second -= incoming.header.bytes;
  if (of_peer->second == 0) staged_.erase(of_peer);
  staged_in_all_ -= incoming.header.bytes;
  look_again_ = true;
}

void UcxReceiver::write(Landings::iterator landing, const PieceHeader& header, std::span<const std::byte> bytes) {
  auto& state = landing->second.state;
  auto progress = state.write(header, bytes, now());
  if (!progress.ok()) {
    if (state.damaged()) ++counters_.checksum_failures;
    end(landing, progress.error());
    return;
  }
  counters_.bytes_received += bytes.size();
  if (*progress == LandingState::Progress::kComplete) end(landing, state.arrival());
}

void UcxReceiver::end(Landings::iterator landing, Result<Arrival> outcome) {
  const Arrived arrived = std::move(landing->second.arrived);
  landings_.erase(landing);
  look_again_ = true;
  arrived(std::move(outcome));
}

void UcxReceiver::pump() {
  if (!std::exchange(look_again_, false)) return;
  discard_waiting_of_none();
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    Incoming& incoming = *next++;
    if (has_room(incoming.from, incoming.header.bytes)) start(incoming);
  }
}

void UcxReceiver::discard_waiting(const std::function<bool(const Incoming&)>& unwanted) {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto incoming = next++;
    if (!unwanted(*incoming)) continue;
    ++counters_.pieces_refused;
    ucp_am_data_release(incoming->worker->handle(), incoming->announced);
    waiting_.erase(incoming);
  }
}

void UcxReceiver::discard_waiting_of_none() {
  discard_waiting([this](const Incoming& incoming) {
    const auto landing = landings_.find(incoming.header.ticket);
    const bool lands = landing != landings_.end() && landing->second.serial == incoming.serial;
    return !lands && !incoming.header.probe;
  });
}

}  // namespace troupe::link
