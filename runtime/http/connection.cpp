// The transport half of a connection: bytes in and out, deadlines, and the ways it ends.
#include "runtime/http/connection.hpp"

#include <sys/socket.h>

#include "runtime/base/check.hpp"
#include "runtime/http/response.hpp"

namespace troupe::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Bytes that may wait behind the request that is being answered; past them the connection is not read until its answer
/// is out.
constexpr std::size_t kPipelinedBytes = 16 * 1024;

/// A view of some of an array's buffers, cheap to copy as asio does.
struct BufferList {
  const asio::const_buffer* first;
  const asio::const_buffer* last;
  const asio::const_buffer* begin() const { return first; }
  const asio::const_buffer* end() const { return last; }
};

}  // namespace

Connection::Connection(ServerContext& context, asio::ip::tcp::socket socket, asio::ip::tcp::endpoint peer)
    : context_(context),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      read_deadline_(context.io, &Connection::read_timed_out),
      write_deadline_(context.io, &Connection::write_timed_out),
      ping_deadline_(context.io, &Connection::ping_due) {}

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  read_deadline_.arm(shared_from_this(), context_.config.limits.head_timeout);
  if (!context_.tls) return read_more();
  state_ = State::kHandshake;
  tls_.emplace(socket_, *context_.tls);
  tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](const error_code& failed) {
    if (self->state_ == State::kClosed) return;
    if (failed) return self->close();
    self->state_ = State::kIdle;
    self->read_more();
  });
}

void Connection::turn_away() {
  // Without a handshake nothing can be said over TLS.
  if (context_.tls) return close();
  refuse({503, "This server has too many connections; try again later.", {{"retry-after", "1"}}});
}

void Connection::drain() {
  close_after_ = true;
  if (state_ == State::kIdle || state_ == State::kHandshake) close();
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  const auto self = shared_from_this();
  release_body();
  read_deadline_.cancel();
  write_deadline_.cancel();
  ping_deadline_.cancel();
  error_code ignored;
  socket_.close(ignored);
  if (const auto link = std::exchange(link_, nullptr)) {
    --context_.counters.in_flight;
    if (const auto gone = link->disconnected()) {
      ++context_.counters.disconnects;
      if (*gone) (*gone)();
    }
  }
  context_.closed(*this);
}

void Connection::read_more() {
  const bool full = state_ >= State::kHandling && state_ <= State::kFlushing && !discarding_ &&
                    in_.size() - in_at_ >= kPipelinedBytes;
  if (reading_ || read_ended_ || full || state_ == State::kClosed || state_ == State::kHandshake) return;
  reading_ = true;
  auto done = [self = shared_from_this()](const error_code& failed, std::size_t count) {
    self->on_read(failed, count);
  };
  const auto buffer = asio::buffer(read_buffer_);
  if (tls_)
    tls_->async_read_some(buffer, std::move(done));
  else
    socket_.async_read_some(buffer, std::move(done));
}

void Connection::on_read(const error_code& failed, std::size_t count) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (failed) {
    read_ended_ = true;
    // An answer that has ended is still written: the client may only have closed its sending half.
    if (state_ != State::kFlushing) client_gone();
    return;
  }
  if (!discarding_) {
    in_.append(read_buffer_.data(), count);
    process();
  }
  read_more();
}

void Connection::push(std::string bytes, std::size_t charge) {
  if (!bytes.empty()) out_.push_back({std::move(bytes), charge, charge > 0 ? link_ : nullptr});
}

void Connection::write_more() {
  if (writing_ || out_.empty() || state_ == State::kClosed) return;
  std::size_t used = 0;
  for (const auto& piece : out_) {
    if (used == write_buffers_.size()) break;
    const std::size_t skip = used == 0 ? out_at_ : 0;
    write_buffers_[used++] = asio::buffer(piece.bytes.data() + skip, piece.bytes.size() - skip);
  }
  writing_ = true;
  write_deadline_.arm(shared_from_this(), context_.config.limits.write_timeout);
  const BufferList buffers{write_buffers_.data(), write_buffers_.data() + used};
  auto done = [self = shared_from_this()](const error_code& failed, std::size_t count) {
    self->on_written(failed, count);
  };
  if (tls_)
    tls_->async_write_some(buffers, std::move(done));
  else
    socket_.async_write_some(buffers, std::move(done));
}

void Connection::on_written(const error_code& failed, std::size_t count) {
  writing_ = false;
  write_deadline_.disarm();
  if (state_ == State::kClosed) return;
  if (failed) return client_gone();
  out_at_ += count;
  while (!out_.empty() && out_at_ >= out_.front().bytes.size()) {
    auto& piece = out_.front();
    out_at_ -= piece.bytes.size();
    if (piece.link) piece.link->sent(piece.charge);
    out_.pop_front();
  }
  if (!out_.empty()) return write_more();
  if (state_ == State::kFlushing) flushed();
}

void Connection::finish(After after) {
  release_body();
  ping_deadline_.disarm();
  read_deadline_.disarm();
  if (std::exchange(link_, nullptr)) --context_.counters.in_flight;
  state_ = State::kFlushing;
  after_ = after;
  if (after == After::kLinger) {
    // What the client still sends is read and dropped: closing over unread bytes would reset the connection and lose
    // our answer.
    discarding_ = true;
    in_.clear();
    in_at_ = 0;
  }
  write_more();
  read_more();
  if (out_.empty()) flushed();
}

void Connection::flushed() {
  switch (after_) {
    case After::kNextRequest:
      return read_ended_ ? close() : next_request();
    case After::kLinger:
      return read_ended_ ? close() : linger();
    case After::kCut:
      return cut();
  }
}

void Connection::linger() {
  state_ = State::kLingering;
  read_deadline_.arm(shared_from_this(), context_.config.limits.linger_timeout);
  const auto half_close = [this] {
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  };
  if (!tls_) return half_close();
  tls_->async_shutdown([self = shared_from_this(), half_close](const error_code&) {
    if (self->state_ != State::kClosed) half_close();
  });
}

void Connection::cut() {
  // Without chunks a plain end of the connection would look complete: reset it. TLS clients miss the close_notify.
  error_code ignored;
  if (!chunked_answer_ && !tls_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

void Connection::client_gone() { close(); }

void Connection::read_timed_out() {
  const bool body = state_ == State::kBody;
  if (state_ == State::kHead || body)
    return refuse(
        {408, body ? "The request's body did not arrive in time." : "The request's head did not arrive in time.", {}});
  close();
}

void Connection::ping_due() {
  if (state_ != State::kStreaming) return;
  if (out_.empty()) {
    push(chunked_answer_ ? make_chunk(": ping\n\n") : ": ping\n\n");
    write_more();
  }
  ping_deadline_.arm(shared_from_this(), context_.config.limits.stream_ping);
}

}  // namespace troupe::http
