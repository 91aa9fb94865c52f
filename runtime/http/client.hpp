// A small HTTP/1.1 client, for the command's own tools and for tests: asynchronous on an io context, or one blocking
// call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

namespace boost::asio {
class io_context;
}

namespace troupe::http {

/// The parts of `http[s]://host[:port][/path][?query]`.
struct Url {
  bool tls = false;
  std::string host;  ///< without brackets around an IPv6 address
  std::uint16_t port = 80;
  std::string target = "/";  ///< path and query

  /// "host:port" with brackets where needed, as in a Host field.
  std::string authority() const;
};

/// kInvalidInput for other schemes, user names, fragments, blanks and control characters.
Result<Url> parse_url(std::string_view text);

struct ClientConfig {
  std::chrono::milliseconds connect_timeout{10'000};  ///< name, TCP and TLS together
  std::string ca_file;                                ///< PEM; empty: the system's authorities
  bool verify_tls = true;
  std::size_t kept_connections = 256;                 ///< idle connections kept for later requests; 0: none
  std::size_t head_bytes = 64 * 1024;                 ///< of a response
  std::uint64_t body_bytes = std::uint64_t{1} << 30;  ///< of a response
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;  ///< Host, Content-Length and Connection are written by the client
  std::string body;  ///< sent with a Content-Length where it is not empty or the method is POST, PUT or PATCH
  std::chrono::milliseconds timeout{600'000};  ///< for the whole call
};

/// What happens to a call, in this order; all on the io context's thread. Missing functions are passed over.
struct ClientEvents {
  std::function<void(const ResponseHead&)> on_head;
  std::function<void(std::string_view)> on_body;  ///< decoded bytes, in pieces of any size
  /// Exactly once, last. kUnavailable: cannot connect, or the peer ended before its answer did; kDeadline; kCancelled;
  /// kTooLarge; kInvalidInput: a bad URL, or an answer that is not HTTP.
  std::function<void(Result<void>)> on_done;
};

/// Not thread-safe: use it on the thread that runs its io context, or before that runs. Calls under way outlive the
/// client object.
class Client {
 public:
  /// kConfig where `ca_file` cannot be used. The system's authorities are read at the first https call, which fails
  /// with kConfig without them.
  static Result<Client> make(boost::asio::io_context& io, ClientConfig config = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Ends a call early. Does nothing once the call is done.
  using Cancel = std::function<void()>;
  /// Starts a call. Nothing is called before this returns. A request that met a kept connection which the peer had just
  /// closed is sent once more on a new one.
  Cancel start(ClientRequest request, ClientEvents events);

 private:
  class Pool;
  class Call;
  explicit Client(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  std::shared_ptr<Pool> pool_;
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
};

/// One call on a connection of its own; blocks until it is done or `request.timeout` has passed. A host name that the
/// resolver is slow to answer for can hold it up longer.
Result<Response> fetch(ClientRequest request, ClientConfig config = {});

}  // namespace troupe::http
