// One client connection, from accept to close. Lives on the io thread; internal to runtime/http.
//
// It is always in exactly one state; the read side, the write side and the deadlines are driven by it. While a request
// is with the handler one read stays pending, so that a client's leaving is seen at once; bytes of pipelined requests
// wait in a bounded buffer.
#pragma once

// Boost 1.74's asio leaves it out with C++20 coroutines.
#include <utility>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "runtime/http/chunked.hpp"
#include "runtime/http/deadline.hpp"
#include "runtime/http/link.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/routes.hpp"
#include "runtime/http/server.hpp"

namespace troupe::http {

/// Written on the io thread, read from any.
struct Counters {
  std::atomic<std::uint64_t> connections_open{0}, connections_accepted{0}, connections_refused{0}, requests{0},
      in_flight{0}, disconnects{0}, body_bytes_held{0};
  std::array<std::atomic<std::uint64_t>, 600> answers{};
};

/// What all connections of a server share. Outlives them.
struct ServerContext {
  boost::asio::io_context& io;
  ServerConfig config;
  RouteTable routes;
  Handler handler;
  std::shared_ptr<Port> port;
  std::unique_ptr<boost::asio::ssl::context> tls;
  std::uint64_t id_prefix = 0;
  std::uint64_t ids = 0;
  bool draining = false;
  std::function<void(Connection&)> closed;
  Counters counters;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Ending { kComplete, kCut };

  Connection(ServerContext& context, boost::asio::ip::tcp::socket socket, boost::asio::ip::tcp::endpoint peer);

  void start();
  /// Answers 503 without reading anything: there are too many connections.
  void turn_away();
  /// Closes when nothing is under way, else after the present answer.
  void drain();
  /// Closes at once; a request in flight is told. Idempotent.
  void close();
  bool has_request() const { return link_ != nullptr; }
  const boost::asio::ip::tcp::endpoint& peer() const { return peer_; }

  // What a Link posts. Nothing happens if the link is not (or no longer) the present request's.
  void answer(Link& link, int status, const std::string& content_type, std::string body,
              const std::vector<Header>& headers);
  void open_stream(Link& link, int status, const std::string& content_type, const std::vector<Header>& headers);
  void stream(Link& link, const std::string& data);
  void close_stream(Link& link, Ending ending);
  void too_slow(Link& link);

 private:
  enum class State { kHandshake, kIdle, kHead, kBody, kHandling, kStreaming, kFlushing, kLingering, kClosed };
  enum class After { kNextRequest, kLinger, kCut };
  /// Bytes to write; `charge` of them count against the link's stream queue.
  struct Piece {
    std::string bytes;
    std::size_t charge = 0;
    std::shared_ptr<Link> link;
  };

  // connection.cpp: bytes, deadlines, the end
  void read_more();
  void on_read(const boost::system::error_code& failed, std::size_t count);
  void push(std::string bytes, std::size_t charge = 0);
  void write_more();
  void on_written(const boost::system::error_code& failed, std::size_t count);
  void finish(After after);
  void flushed();
  void linger();
  void cut();
  void client_gone();
  void read_timed_out();
  void write_timed_out() { client_gone(); }
  void ping_due();

  // requests.cpp: from bytes to the handler, and the answer's head
  void process();
  void on_head(std::size_t length);
  std::optional<Refusal> route_and_admit();
  bool read_body();
  void dispatch();
  void refuse(const Refusal& refusal, bool keep_connection = false);
  void answer_options(const std::string& allowed);
  void next_request();
  void release_body();
  std::string head_text(int status, const std::string& content_type, std::vector<Header> headers,
                        std::vector<Header> framing);
  void add_cors(std::vector<Header>& headers) const;
  std::string_view unread() const { return std::string_view(in_).substr(in_at_); }
  void consume(std::size_t count);

  ServerContext& context_;
  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  boost::asio::ip::tcp::endpoint peer_;
  State state_ = State::kIdle;

  std::array<char, 16 * 1024> read_buffer_;
  std::string in_;
  std::size_t in_at_ = 0;
  bool reading_ = false;
  bool read_ended_ = false;
  bool discarding_ = false;

  HeadScanner scanner_;
  RequestHead head_;
  std::optional<RouteMatch> match_;
  std::string path_, query_, request_id_, traceparent_;
  std::optional<std::size_t> api_key_;
  std::size_t body_limit_ = 0;
  std::string body_;
  std::size_t body_charge_ = 0;
  std::optional<ChunkDecoder> chunks_;
  std::chrono::steady_clock::time_point body_started_{};
  std::shared_ptr<Link> link_;
  bool head_only_ = false;
  bool chunked_answer_ = false;
  bool event_stream_ = false;
  bool close_after_ = false;

  std::deque<Piece> out_;
  std::size_t out_at_ = 0;
  bool writing_ = false;
  std::array<boost::asio::const_buffer, 16> write_buffers_;
  After after_ = After::kNextRequest;

  Deadline<Connection> read_deadline_;
  Deadline<Connection> write_deadline_;
  Deadline<Connection> ping_deadline_;
};

}  // namespace troupe::http
