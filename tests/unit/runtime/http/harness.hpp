// What the HTTP tests share: a server on a free loopback port whose handler hands requests to the test, and a client
// that sends raw bytes. Every wait is for an event; kPatience only ends a test whose event never comes.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/http/server.hpp"

namespace troupe::http::test {

inline constexpr std::chrono::seconds kPatience{30};

struct Answer {
  int status = 0;
  std::string head;  ///< status line and fields, as they came
  std::string body;

  /// The value of `name: value` (lower-case name), or "(none)".
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "(none)";
    const auto start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { close(); }

  bool connected() const { return connected_; }
  /// False once the peer does not take any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  /// All that comes up to and with `end`, or all there was.
  std::string read_through(std::string_view end) {
    while (buffer_.find(end) == std::string::npos && more()) {
    }
    const auto at = buffer_.find(end);
    return take(at == std::string::npos ? buffer_.size() : at + end.size());
  }
  std::string read_exactly(std::size_t count) {
    while (buffer_.size() < count && more()) {
    }
    return take(std::min(count, buffer_.size()));
  }
  std::string read_to_end() {
    while (more()) {
    }
    return take(buffer_.size());
  }
  /// What the server, which lives in this process, has not yet read of what this client sent.
  std::size_t bytes_that_the_peer_left_unread() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    for (int fd = 0; fd < 1024; ++fd) {
      sockaddr_in peer{};
      size = sizeof peer;
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_family != AF_INET ||
          peer.sin_port != own.sin_port)
        continue;
      int unread = 0;
      ::ioctl(fd, FIONREAD, &unread);
      return static_cast<std::size_t>(unread);
    }
    ADD_FAILURE() << "the server's end of the connection is gone";
    return 0;
  }
  /// How the connection ended, after a read that came to its end.
  bool was_reset() const { return reset_; }
  bool ended() const { return ended_; }

  /// A whole answer with a Content-Length, chunks, or a head alone. Status 0 where there is none.
  Answer read_answer(bool head_only = false) {
    Answer answer;
    answer.head = read_through("\r\n\r\n");
    if (answer.head.size() < 12) return answer;
    answer.status = std::atoi(answer.head.c_str() + 9);
    if (head_only || answer.status < 200 || answer.status == 204) return answer;
    if (answer.header("transfer-encoding") == "chunked") {
      while (true) {
        const auto size = std::strtoul(read_through("\r\n").c_str(), nullptr, 16);
        answer.body += read_exactly(size);
        if (read_exactly(2) != "\r\n" || size == 0) break;
      }
    } else {
      answer.body = read_exactly(std::strtoul(answer.header("content-length").c_str(), nullptr, 10));
    }
    return answer;
  }

 private:
  std::string take(std::size_t count) {
    auto out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }
  bool more() {
    pollfd wait{fd_, POLLIN, 0};
    char bytes[4096];
    if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) {
      ADD_FAILURE() << "nothing came, and the connection did not end";
      return false;
    }
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) {
      ended_ = true;
      reset_ = count < 0 && errno == ECONNRESET;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
  std::string buffer_;
};

/// Requests that the handler has put aside for the test to answer.
class Held {
 public:
  void put(std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(exchange));
    changed_.notify_all();
  }
  std::shared_ptr<Exchange> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return !waiting_.empty(); })) return nullptr;
    auto out = std::move(waiting_.front());
    waiting_.pop_front();
    return out;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Exchange>> waiting_;
};

/// Something that happens once, on another thread.
class Signal {
 public:
  void set() { promise_.set_value(); }
  bool wait() { return future_.wait_for(kPatience) == std::future_status::ready; }
  bool is_set() { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

 private:
  std::promise<void> promise_;
  std::future<void> future_ = promise_.get_future();
};

inline ServerConfig test_config() {
  ServerConfig config;
  config.routes = {{"GET", "/livez", Scope::kPublic},         {"GET", "/metrics", Scope::kMetrics},
                   {"GET", "/v1/models", Scope::kInfer},      {"GET", "/v1/models/{id}", Scope::kInfer},
                   {"POST", "/v1/echo", Scope::kInfer, true}, {"POST", "/small", Scope::kInfer, false, 16},
                   {"POST", "/hold", Scope::kInfer},          {"GET", "/hold", Scope::kInfer},
                   {"POST", "/admin/drain", Scope::kAdmin},   {"GET", "/inspect", Scope::kInspect}};
  return config;
}

/// /hold waits in `held`; everything else answers 200 with "METHOD path|parameter|query|body".
class Served {
 public:
  explicit Served(ServerConfig config = test_config()) {
    auto started = Server::start(std::move(config), [this](std::shared_ptr<Exchange> exchange) {
      const auto& request = exchange->request();
      if (request.path == "/hold") return held.put(std::move(exchange));
      exchange->respond(
          200, "text/plain",
          request.method + " " + request.path + "|" + request.parameter + "|" + request.query + "|" + request.body);
    });
    if (!started.ok()) {
      ADD_FAILURE() << started.error().message;
      std::abort();
    }
    server = std::move(started).value();
  }
  ~Served() {
    held.clear();
    server.reset();
  }
  std::uint16_t port() const { return server->port(); }

  /// Sends on a connection of its own and gives the first answer.
  Answer ask(std::string_view bytes) {
    RawClient client(port());
    client.send(bytes);
    return client.read_answer();
  }

  Held held;
  std::unique_ptr<Server> server;
};

}  // namespace troupe::http::test
