// One request and its one answer, as the handler sees them. The answering functions may be called from any thread; the
// answer is written by the server's io thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/message.hpp"

namespace troupe::http {

class Link;

/// A request that passed every check of the transport: its route exists, its caller may use it, its body is complete
/// and within bounds.
struct Request {
  std::string method;           ///< as in the route table; GET for a HEAD request, whose answer's body is then left out
  std::string path;             ///< as sent, without the query
  std::string parameter;        ///< the route's trailing parameter, decoded; empty where it has none
  std::string query;            ///< as sent, without '?'; see query_value()
  std::vector<Header> headers;  ///< at most ServerLimits::head.fields; Authorization is left out
  std::string body;             ///< raw bytes: whether they are UTF-8 or JSON is for the handler to say
  std::string request_id;       ///< the client's x-request-id if it is [A-Za-z0-9._-]{1,128}, else one of ours
  std::string traceparent;      ///< W3C trace context, version 00, checked; empty if absent or malformed
  std::string peer;             ///< "127.0.0.1:51234"
  std::size_t route = 0;        ///< index into ServerConfig::routes
  std::optional<std::size_t>
      api_key;  ///< index into ServerConfig::api_keys; none on public routes and where no keys are configured
};

/// Held by whoever will answer. When the last holder lets go of an exchange that has no answer yet the client gets a
/// 500, and a stream that has not ended is cut.
///
/// Exactly one of two things happens: an answering function that ends the answer returns true, or on_disconnect fires.
/// All answering functions return false, and do nothing, once the client has gone or the answer has ended. Their order
/// in time is their order on the wire; two threads that answer one exchange at once must agree on that order
/// themselves.
class Exchange {
 public:
  Exchange(Request request, std::shared_ptr<Link> link);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  /// Moves the body out; only the holder that parses it may call this, once.
  std::string take_body() { return std::move(request_.body); }

  /// The whole answer. `status` is 200 to 599. `headers` must not name content-length, content-type, transfer-encoding,
  /// connection or x-request-id, which the server writes. `body` may be larger than the queue bound of a stream.
  bool respond(int status, std::string_view content_type, std::string body, std::vector<Header> headers = {});
  /// An OpenAI-style error body (see error_body).
  bool respond_error(int status, std::string_view message, std::string_view param = {},
                     std::vector<Header> headers = {});

  /// Starts an answer of unknown length. With "text/event-stream" the server sends a comment line after each idle
  /// ServerLimits::stream_ping, so each send() must hold whole events.
  bool begin_stream(int status, std::string_view content_type, std::vector<Header> headers = {});
  /// One chunk. Past ServerLimits::queued_bytes unsent bytes the client is too slow: it is disconnected and this
  /// returns false.
  bool send(std::string data);
  /// Ends the stream well: the client sees that it is complete.
  bool end_stream();
  /// Ends the answer badly: what was sent is flushed, then the connection is cut so that no client can take it for
  /// complete.
  bool abort_stream();

  /// `gone` is called once if the client goes away, stalls, or is cut off by the server's end before the answer has
  /// ended: on the io thread, or at once on this thread if it has happened already. It must not block, and must not
  /// hold this exchange. A later call replaces an earlier one.
  void on_disconnect(std::function<void()> gone);

  /// Bytes given to send() and not yet to the kernel.
  std::size_t unsent_bytes() const;
  bool connected() const;

 private:
  Request request_;
  std::shared_ptr<Link> link_;
};

/// Called on the io thread for each request that passed. It must return soon: nothing else is served meanwhile.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace troupe::http
