// What joins an exchange, held by any thread, to its connection, owned by the io thread. Internal to runtime/http.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "runtime/http/message.hpp"

namespace troupe::http {

class Connection;

/// The way onto the io thread; shut before the io context dies, so that exchanges may outlive the server.
class Port {
 public:
  explicit Port(boost::asio::io_context& io) : io_(&io) {}

  template <class Function>
  bool post(Function&& function) {
    const std::lock_guard lock(mutex_);
    if (!io_) return false;
    boost::asio::post(*io_, std::forward<Function>(function));
    return true;
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

/// Decides, under its mutex, which of "answered" and "disconnected" came first. The connection is only ever locked on
/// the io thread.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Port> port, std::weak_ptr<Connection> connection, std::size_t queue_limit)
      : port_(std::move(port)), connection_(std::move(connection)), queue_limit_(queue_limit) {}

  bool respond(int status, std::string content_type, std::string body, std::vector<Header> headers);
  bool begin_stream(int status, std::string content_type, std::vector<Header> headers);
  bool send(std::string data);
  bool end_stream();
  bool abort();
  void abandon();
  void on_disconnect(std::function<void()> gone);
  std::size_t unsent_bytes() const;
  bool connected() const;

  /// Io thread: `bytes` of stream data have reached the kernel.
  void sent(std::size_t bytes);
  /// Io thread: the client has gone. If that came before the answer's end this gives the callback (perhaps an empty
  /// one), for the caller to call once its own books are in order.
  std::optional<std::function<void()>> disconnected();

 private:
  enum class Phase { kOpen, kStreaming, kEnded, kGone };

  template <class Step>
  bool post_step(Step step);

  std::shared_ptr<Port> port_;
  std::weak_ptr<Connection> connection_;
  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  Phase phase_ = Phase::kOpen;
  bool overflowed_ = false;
  std::size_t unsent_bytes_ = 0;
  std::function<void()> gone_;
};

}  // namespace troupe::http
