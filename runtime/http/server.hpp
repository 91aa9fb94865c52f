// An HTTP/1.1 server on one io thread of its own: strict framing, a deny-by-default route table, limits on everything,
// API keys, TLS, streaming. It knows transport only: what a body means is the handler's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/http/auth.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/routes.hpp"

namespace troupe::http {

/// Every bound of the server. Each is refused by the status in brackets, or ends the connection.
struct ServerLimits {
  HeadLimits head;                                        ///< [431, 414]
  std::size_t body_bytes = std::size_t{1} << 20;          ///< of one body, unless its route says otherwise [413]
  std::size_t total_body_bytes = std::size_t{256} << 20;  ///< of all bodies held at once [503]
  std::size_t connections = 1024;                         ///< [503]
  std::size_t connections_per_peer = 64;                  ///< of one IPv4 address or IPv6 /64 [503]
  std::size_t queued_bytes = std::size_t{4} << 20;        ///< unsent bytes of one stream
  std::chrono::milliseconds head_timeout{
      10'000};  ///< from the first byte to the end of the head; also for a TLS handshake [408]
  std::chrono::milliseconds body_timeout{
      30'000};                               ///< for a body, prolonged as its bytes come in at the minimum rate [408]
  std::size_t body_bytes_per_second = 1024;  ///< the minimum rate
  std::chrono::milliseconds body_total_timeout{300'000};  ///< for a body at whatever rate [408]
  std::chrono::milliseconds write_timeout{30'000};        ///< without a byte of progress
  std::chrono::milliseconds idle_timeout{75'000};         ///< between two requests of a connection
  std::chrono::milliseconds linger_timeout{2'000};        ///< for the client to close after the last answer
  std::chrono::milliseconds stream_ping{15'000};  ///< silence of an event stream before a comment line; 0: never
};

struct TlsConfig {
  std::string certificate_file;  ///< PEM, the chain, the server's own first
  std::string key_file;          ///< PEM, not readable by others
};

struct ServerConfig {
  std::string address = "127.0.0.1";  ///< a literal address, or "localhost"
  std::uint16_t port = 0;             ///< 0: any free one
  std::vector<Route> routes;
  std::vector<ApiKey> api_keys;            ///< none: every route is open to whoever can connect
  std::optional<TlsConfig> tls;            ///< TLS 1.2 or later
  bool allow_insecure = false;             ///< allows an address that is not loopback without keys or without TLS
  std::vector<std::string> allow_origins;  ///< CORS: exact origins, or "*"; none: no CORS
  ServerLimits limits;
  /// Told of every answer when its head is written, refusals included: for metrics. `route` is the index of the route
  /// that method and path matched, if any. Called on the io thread; must return at once.
  std::function<void(int status, std::optional<std::size_t> route)> on_answer;
  std::function<std::int64_t()> unix_seconds;  ///< for the Date field; none: no Date. Called on the io thread.
};

struct ServerStats {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  ///< over a connection limit
  std::uint64_t requests = 0;             ///< complete heads and refused ones
  std::uint64_t in_flight = 0;            ///< handed to the handler and not yet answered
  std::uint64_t disconnects = 0;          ///< clients gone before their answer ended
  std::uint64_t body_bytes_held = 0;
  std::map<int, std::uint64_t> answers_by_status;
};

class Server {
 public:
  /// Listens and serves when it returns. kConfig: bad address, port taken, bad routes, unreadable TLS files, or an
  /// address that is not loopback without both API keys and TLS (unless `allow_insecure`).
  static Result<std::unique_ptr<Server>> start(ServerConfig config, Handler handler);

  /// Closes every connection (on_disconnect fires for requests in flight) and joins the io thread. Not to be called on
  /// that thread.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  /// New connections are no longer accepted; open ones go on.
  void stop_accepting();
  /// Stops accepting, closes idle connections, lets requests in flight end, and cuts what is left at the deadline. Then
  /// calls `done` once, on the io thread, with the number of requests that were cut.
  void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t cut)> done);

  ServerStats stats() const;
  std::size_t connections() const { return static_cast<std::size_t>(stats().connections_open); }

 private:
  class Core;
  explicit Server(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace troupe::http
