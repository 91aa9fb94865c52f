#include "runtime/control/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace troupe::control {
namespace {

constexpr int kBacklog = 512;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Address> resolved(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Names would have to be asked for, which blocks.
  hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
  addrinfo* raw = nullptr;
  const int status = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &raw);
  const AddressList list(raw, &::freeaddrinfo);
  if (status != 0 || !list) {
    return Error{ErrorCode::kConfig, "\"" + endpoint.host + "\" is no IP address (" + ::gai_strerror(status) + ")."};
  }
  Address address;
  address.size = list->ai_addrlen;
  std::memcpy(&address.bytes, list->ai_addr, list->ai_addrlen);
  return address;
}

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

/// Small frames leave at once, and a host that went away without a word is noticed.
void tune(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 15'000);
}

Address end_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  Address address;
  address.size = sizeof address.bytes;
  if (ask(fd, reinterpret_cast<sockaddr*>(&address.bytes), &address.size) != 0) address.size = 0;
  return address;
}

Endpoint endpoint_of(const Address& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.bytes.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.bytes);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return {host, ntohs(v4.sin_port)};
  }
  if (address.bytes.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.bytes);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return {host, ntohs(v6.sin6_port)};
  }
  return {host, 0};
}

Moved moved(ssize_t result) {
  if (result > 0) return {Moved::State::kSome, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {Moved::State::kNone, 0};
  return {Moved::State::kEnded, 0};
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (v6 ? '[' + endpoint.host + ']' : endpoint.host) + ':' + std::to_string(endpoint.port);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Socket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Moved receive(int fd, std::span<char> into) { return moved(::recv(fd, into.data(), into.size(), MSG_DONTWAIT)); }

Moved transmit(int fd, std::span<const char> bytes) {
  return moved(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Result<Socket> listen_on(const Endpoint& endpoint) {
  TRY(address, resolved(endpoint));
  Socket socket(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket) set(socket.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!socket || ::bind(socket.fd(), address.get(), address.size) != 0 || ::listen(socket.fd(), kBacklog) != 0) {
    const int why = errno;
    return Error{ErrorCode::kUnavailable,
                 "Control port " + std::to_string(endpoint.port) + " of " + endpoint.host + " cannot be listened on (" +
                     std::strerror(why) + "). " +
                     (why == EADDRNOTAVAIL ? "The address must be one of this host."
                                           : "Is a node running there already? Choose another control_port.")};
  }
  return socket;
}

std::uint16_t port_of(int fd) { return endpoint_of(end_of(fd, ::getsockname)).port; }

Socket accept_on(int listener, bool& exhausted) {
  Socket socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  exhausted = !socket && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  if (socket) tune(socket.fd());
  return socket;
}

Result<Socket> begin_connecting(const Endpoint& endpoint) {
  TRY(address, resolved(endpoint));
  Socket socket(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket) tune(socket.fd());
  if (!socket || (::connect(socket.fd(), address.get(), address.size) != 0 && errno != EINPROGRESS))
    return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  return socket;
}

int connecting_failed(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::string peer_of(int fd) { return to_string(endpoint_of(end_of(fd, ::getpeername))); }

}  // namespace troupe::control
