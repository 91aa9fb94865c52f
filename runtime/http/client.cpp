#include <utility>

#include "runtime/http/client.hpp"

#include <map>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "runtime/base/check.hpp"
#include "runtime/http/chunked.hpp"
#include "runtime/http/deadline.hpp"
#include "runtime/http/tls.hpp"

namespace troupe::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A connection, plain or TLS, that calls use one after the other.
struct Wire {
  explicit Wire(asio::io_context& io) : socket(io) {}

  template <class Buffers, class Done>
  void read_some(const Buffers& buffers, Done done) {
    if (tls)
      tls->async_read_some(buffers, std::move(done));
    else
      socket.async_read_some(buffers, std::move(done));
  }
  template <class Buffers, class Done>
  void write(const Buffers& buffers, Done done) {
    if (tls)
      asio::async_write(*tls, buffers, std::move(done));
    else
      asio::async_write(socket, buffers, std::move(done));
  }
  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  tcp::socket socket;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
};

}  // namespace

/// The connections that wait for another call.
class Client::Pool {
 public:
  Pool(asio::io_context& io_context, ClientConfig client_config) : io(io_context), config(std::move(client_config)) {}

  std::shared_ptr<Wire> take(const std::string& key) {
    const auto found = idle_.find(key);
    if (found == idle_.end()) return nullptr;
    auto wire = std::move(found->second.back());
    found->second.pop_back();
    if (found->second.empty()) idle_.erase(found);
    --count_;
    return wire;
  }
  void keep(const std::string& key, std::shared_ptr<Wire> wire) {
    if (count_ >= config.kept_connections) return;
    idle_[key].push_back(std::move(wire));
    ++count_;
  }

  /// Made at the first use: to read the system's authorities takes longer than most plain calls.
  Result<asio::ssl::context*> tls() {
    if (!tls_) {
      TRY(made, make_client_tls(config.ca_file, config.verify_tls));
      tls_ = std::move(made);
    }
    return tls_.get();
  }

  asio::io_context& io;
  const ClientConfig config;

 private:
  std::unique_ptr<asio::ssl::context> tls_;
  std::map<std::string, std::vector<std::shared_ptr<Wire>>> idle_;
  std::size_t count_ = 0;
};

/// One request and its answer: connect (or take a kept connection), write, read the head, read the body, done.
class Client::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<Pool> pool, ClientRequest request, ClientEvents events)
      : pool_(std::move(pool)),
        request_(std::move(request)),
        events_(std::move(events)),
        resolver_(pool_->io),
        deadline_(pool_->io, &Call::timed_out),
        connect_deadline_(pool_->io, &Call::connect_timed_out) {}

  void start() {
    if (done_) return;
    auto url = parse_url(request_.url);
    if (!url.ok()) return end(url.error());
    if (!is_token(request_.method)) return end(Error{ErrorCode::kInvalidInput, "The method is not a token."});
    for (const auto& header : request_.headers)
      if (!is_token(header.name) || header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return end(Error{ErrorCode::kInvalidInput, "A header field of the request is malformed."});
    url_ = std::move(url).value();
    key_ = (url_.tls ? "https " : "http ") + url_.authority();
    deadline_.arm(shared_from_this(), request_.timeout);
    wire_ = pool_->take(key_);
    reused_ = wire_ != nullptr;
    reused_ ? send() : connect();
  }

  void cancel() { end(Error{ErrorCode::kCancelled, "The call was cancelled."}); }

 private:
  void timed_out() {
    end(Error{ErrorCode::kDeadline,
              where() + "no complete answer within " + std::to_string(request_.timeout.count()) + " ms."});
  }
  void connect_timed_out() {
    end(Error{ErrorCode::kDeadline,
              where() + "no connection within " + std::to_string(pool_->config.connect_timeout.count()) + " ms."});
  }
  std::string where() const { return (url_.tls ? "https://" : "http://") + url_.authority() + ": "; }
  Error unavailable(const std::string& what, const error_code& why) const {
    return {ErrorCode::kUnavailable, where() + what + ": " + why.message() + "."};
  }

  void connect() {
    reused_ = false;
    if (wire_) wire_->close();
    wire_ = std::make_shared<Wire>(pool_->io);
    connect_deadline_.arm(shared_from_this(), pool_->config.connect_timeout);
    error_code not_literal;
    const auto address = asio::ip::make_address(url_.host == "localhost" ? "127.0.0.1" : url_.host, not_literal);
    if (!not_literal) return connect_to(std::vector<tcp::endpoint>{{address, url_.port}});
    resolver_.async_resolve(
        url_.host, std::to_string(url_.port),
        [self = shared_from_this()](const error_code& failed, const tcp::resolver::results_type& found) {
          if (self->done_) return;
          if (failed) return self->end(self->unavailable("the host name cannot be resolved", failed));
          self->connect_to({found.begin(), found.end()});
        });
  }

  void connect_to(std::vector<tcp::endpoint> endpoints) {
    endpoints_ = std::move(endpoints);
    asio::async_connect(wire_->socket, endpoints_,
                        [self = shared_from_this()](const error_code& failed, const tcp::endpoint&) {
                          if (self->done_) return;
                          if (failed) return self->end(self->unavailable("cannot connect", failed));
                          error_code ignored;
                          self->wire_->socket.set_option(tcp::no_delay(true), ignored);
                          self->url_.tls ? self->shake_hands() : self->send();
                        });
  }

  void shake_hands() {
    const auto context = pool_->tls();
    if (!context.ok()) return end(context.error());
    auto& tls = wire_->tls.emplace(wire_->socket, **context);
    error_code literal;
    asio::ip::make_address(url_.host, literal);
    if (literal) SSL_set_tlsext_host_name(tls.native_handle(), url_.host.c_str());
    if (pool_->config.verify_tls) tls.set_verify_callback(asio::ssl::rfc2818_verification(url_.host));
    tls.async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& failed) {
      if (self->done_) return;
      if (failed) return self->end(self->unavailable("TLS handshake failed", failed));
      self->send();
    });
  }

  std::string request_head() const {
    std::string head = request_.method + " " + url_.target + " HTTP/1.1\r\nHost: " + url_.authority() + "\r\n";
    for (const auto& header : request_.headers) head += header.name + ": " + header.value + "\r\n";
    if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH")
      head += "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
    if (pool_->config.kept_connections == 0) head += "Connection: close\r\n";
    return head + "\r\n";
  }

  void send() {
    connect_deadline_.disarm();
    out_ = std::make_shared<const std::string>(request_head());
    scanner_.reset();
    in_.clear();
    written_ = false;
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(*out_), asio::buffer(request_.body)};
    // A failure to write shows on the read side too, where the server's answer, if it sent one, comes first. What the
    // operation works on stays alive until it ends, even where this call has gone on to another connection.
    wire_->write(buffers, [self = shared_from_this(), wire = wire_, out = out_](const error_code& failed, std::size_t) {
      if (self->wire_ == wire) self->written_ = !failed;
    });
    read();
  }

  void read() {
    wire_->read_some(asio::buffer(read_buffer_),
                     [self = shared_from_this(), wire = wire_](const error_code& failed, std::size_t count) {
                       if (!self->done_) self->on_read(failed, count);
                     });
  }

  void on_read(const error_code& failed, std::size_t count) {
    if (failed) return on_end_of_input(failed);
    std::string_view bytes(read_buffer_.data(), count);
    if (!head_) {
      in_.append(bytes);
      if (!read_heads()) return;
      bytes = in_;
    }
    if (!read_body(bytes)) read();
  }

  void on_end_of_input(const error_code& failed) {
    if (reused_ && !head_ && in_.empty()) return connect();
    if (head_ && body_ == BodyUntil::kClose && failed == asio::error::eof) return end({});
    end(unavailable(
        head_ ? "the connection ended in the middle of the answer" : "the connection ended before an answer", failed));
  }

  /// True once the final head has been read and passed on, with `in_` holding what follows it.
  bool read_heads() {
    while (true) {
      const auto outcome = scanner_.scan(in_, pool_->config.head_bytes);
      if (std::holds_alternative<HeadScanner::Incomplete>(outcome)) return read(), false;
      const auto* complete = std::get_if<HeadScanner::Complete>(&outcome);
      if (!complete)
        return bad_answer("its head is malformed or longer than " + std::to_string(pool_->config.head_bytes) +
                          " bytes"),
               false;
      auto head = parse_response_head(std::string_view(in_).substr(0, complete->length), 256);
      if (const auto* why = std::get_if<std::string>(&head)) return bad_answer(*why), false;
      in_.erase(0, complete->length);
      scanner_.reset();
      auto& parsed = std::get<ResponseHead>(head);
      if (parsed.status < 200) continue;
      if (!frame(parsed)) return bad_answer("its length is not clear"), false;
      head_ = std::move(parsed);
      if (events_.on_head) events_.on_head(*head_);
      return !done_;
    }
  }

  bool frame(const ResponseHead& head) {
    const auto* encoding = find_header(head.headers, "transfer-encoding");
    const auto* length = find_header(head.headers, "content-length");
    const auto* connection = find_header(head.headers, "connection");
    keep_ = head.minor_version == 1 && !(connection && list_contains(*connection, "close"));
    left_ = 0;
    body_ = BodyUntil::kLength;
    if (request_.method == "HEAD" || head.status == 204 || head.status == 304) return true;
    if (encoding && (length || lower_case(*encoding) != "chunked")) return false;
    if (encoding) {
      body_ = BodyUntil::kLastChunk;
      chunks_.emplace(pool_->config.body_bytes, ChunkDecoder::Extras::kIgnore);
    } else if (length) {
      const auto number = parse_decimal(*length);
      for (const auto& header : head.headers)
        if (header.name == "content-length" && header.value != *length) return false;
      if (!number) return false;
      left_ = *number;
    } else {
      body_ = BodyUntil::kClose;
      keep_ = false;
    }
    return true;
  }

  /// True once the call is done.
  bool read_body(std::string_view bytes) {
    auto status = ChunkDecoder::Status::kMore;
    std::string decoded;
    if (body_ == BodyUntil::kLastChunk) {
      status = chunks_->feed(bytes, decoded);
    } else {
      const auto take = body_ == BodyUntil::kClose
                            ? bytes.size()
                            : static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      decoded = bytes.substr(0, take);
      bytes.remove_prefix(take);
      if (body_ == BodyUntil::kLength) left_ -= take;
      if (body_ == BodyUntil::kLength && left_ == 0) status = ChunkDecoder::Status::kDone;
    }
    received_ += decoded.size();
    if (status == ChunkDecoder::Status::kTooLarge || received_ > pool_->config.body_bytes)
      return end(Error{ErrorCode::kTooLarge,
                       where() + "the answer is longer than " + std::to_string(pool_->config.body_bytes) + " bytes."}),
             true;
    if (!decoded.empty() && events_.on_body) events_.on_body(decoded);
    if (done_) return true;
    if (status == ChunkDecoder::Status::kMalformed) return bad_answer("its chunks are malformed"), true;
    if (status == ChunkDecoder::Status::kMore) return false;
    if (!bytes.empty() || !written_) keep_ = false;
    return end({}), true;
  }

  void bad_answer(const std::string& why) {
    end(Error{ErrorCode::kInvalidInput, where() + "the answer cannot be read: " + why + "."});
  }

  void end(Result<void> result) {
    if (done_) return;
    done_ = true;
    const auto self = shared_from_this();
    deadline_.cancel();
    connect_deadline_.cancel();
    resolver_.cancel();
    if (wire_) {
      if (result.ok() && keep_ && pool_->config.kept_connections > 0) {
        pool_->keep(key_, std::move(wire_));
      } else {
        wire_->close();
      }
    }
    // One of the other functions may be what called cancel(), so that they cannot be let go of here.
    asio::post(pool_->io, [self] { self->events_ = {}; });
    if (events_.on_done) events_.on_done(std::move(result));
  }

  enum class BodyUntil { kLength, kLastChunk, kClose };

  std::shared_ptr<Pool> pool_;
  ClientRequest request_;
  ClientEvents events_;
  tcp::resolver resolver_;
  Deadline<Call> deadline_;
  Deadline<Call> connect_deadline_;
  Url url_;
  std::string key_;
  std::vector<tcp::endpoint> endpoints_;
  std::shared_ptr<Wire> wire_;
  std::shared_ptr<const std::string> out_;
  std::string in_;
  std::array<char, 16 * 1024> read_buffer_;
  HeadScanner scanner_;
  std::optional<ResponseHead> head_;
  std::optional<ChunkDecoder> chunks_;
  BodyUntil body_ = BodyUntil::kLength;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  bool keep_ = false;
  bool reused_ = false;
  bool written_ = false;
  bool done_ = false;
};

Result<Client> Client::make(asio::io_context& io, ClientConfig config) {
  const bool own_authorities = !config.ca_file.empty();
  auto pool = std::make_shared<Pool>(io, std::move(config));
  // A file that somebody named is looked at now, while its name can still be corrected.
  if (own_authorities) {
    if (const auto tls = pool->tls(); !tls.ok()) return tls.error();
  }
  return Client(std::move(pool));
}

Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Client::Cancel Client::start(ClientRequest request, ClientEvents events) {
  auto call = std::make_shared<Call>(pool_, std::move(request), std::move(events));
  asio::post(pool_->io, [call] { call->start(); });
  return [weak = std::weak_ptr(call)] {
    if (const auto alive = weak.lock()) alive->cancel();
  };
}

Result<Response> fetch(ClientRequest request, ClientConfig config) {
  asio::io_context io{1};
  config.kept_connections = 0;
  TRY(client, Client::make(io, std::move(config)));
  Response response;
  std::optional<Result<void>> outcome;
  ClientEvents events;
  events.on_head = [&](const ResponseHead& head) {
    response.status = head.status;
    response.headers = head.headers;
  };
  events.on_body = [&](std::string_view bytes) { response.body += bytes; };
  events.on_done = [&](Result<void> result) { outcome = std::move(result); };
  client.start(std::move(request), std::move(events));
  io.run();
  CHECK(outcome.has_value(), "a call ends exactly once");
  if (!outcome->ok()) return outcome->error();
  return response;
}

}  // namespace troupe::http
