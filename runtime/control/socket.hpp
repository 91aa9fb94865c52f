// TCP sockets of control connections: never blocking, closed by their owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "runtime/base/result.hpp"

namespace troupe::control {

/// Where a node is reached. `host` is an IP address: names are not resolved.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// "10.0.0.5:7401", "[::1]:7401"
std::string to_string(const Endpoint& endpoint);

/// Move-only.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  /// The caller closes it from then on.
  int release() { return std::exchange(fd_, -1); }
  void close();

 private:
  int fd_ = -1;
};

/// What became of bytes to read or write.
struct Moved {
  enum class State { kSome, kNone, kEnded };  ///< kNone: nothing now, wait; kEnded: the connection is over
  State state = State::kNone;
  std::size_t bytes = 0;
};

Moved receive(int fd, std::span<char> into);
/// Raises no SIGPIPE.
Moved transmit(int fd, std::span<const char> bytes);

/// kUnavailable where the address is not this host's or the port is taken, kConfig where it is no address.
Result<Socket> listen_on(const Endpoint& endpoint);
/// The port that a listening socket was given.
std::uint16_t port_of(int fd);
/// The next connection, or none. `exhausted` where the process has no file descriptor left for it.
Socket accept_on(int listener, bool& exhausted);

/// A connection that has begun: writable once it is there, or has failed. kUnavailable where it cannot begin, kConfig
/// where there is no address.
Result<Socket> begin_connecting(const Endpoint& endpoint);
/// 0, or the errno of the connection that failed.
int connecting_failed(int fd);

/// The other side, as "127.0.0.1:40312".
std::string peer_of(int fd);

}  // namespace troupe::control
