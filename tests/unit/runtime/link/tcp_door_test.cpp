#include "runtime/link/tcp_door.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace troupe::link {
namespace {

class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return fd_; }
  /// Packets to it are filtered.
  bool closed() const {
    socklen_t instructions = 0;
    EXPECT_EQ(::getsockopt(fd_, SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions), 0);
    return instructions == 1;
  }
  /// A connection that has begun.
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    return fd;
  }

 private:
  int fd_;
  sockaddr_in address_{};
};

bool connected(int fd, int patience_ms) {
  pollfd polled{fd, POLLOUT, 0};
  return ::poll(&polled, 1, patience_ms) == 1 && (polled.revents & POLLOUT) != 0 && (polled.revents & POLLERR) == 0;
}

TEST(TcpDoor, IsClosedUntilItIsOpened) {
  const Listener listener;
  TcpDoor door({listener.fd()}, std::chrono::minutes(5));
  EXPECT_TRUE(listener.closed());
  const int early = listener.connect();
  EXPECT_FALSE(connected(early, 0));
  door.open();
  EXPECT_FALSE(listener.closed());
  const int now = listener.connect();
  EXPECT_TRUE(connected(now, 20'000));
  EXPECT_TRUE(connected(early, 20'000)) << "what found the door closed is sent again by the kernel";
  ::close(early);
  ::close(now);
}

TEST(TcpDoor, ClosesAgainAndLeavesConnectionsAlone) {
  const Listener listener;
  TcpDoor door({listener.fd()}, std::chrono::milliseconds(200));
  door.open();
  const int client = listener.connect();
  ASSERT_TRUE(connected(client, 20'000));
  const int server = ::accept(listener.fd(), nullptr, nullptr);
  while (!listener.closed()) ::usleep(1000);
  char byte = 'x';
  EXPECT_EQ(::send(client, &byte, 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(::recv(server, &byte, 1, 0), 1);
  ::close(client);
  ::close(server);
}

TEST(TcpDoor, IsPutBeforeTheSocketsThatCameSince) {
  const Listener first;
  const auto before = listening_sockets();
  const Listener second;
  EXPECT_TRUE(before.contains(first.fd()));
  EXPECT_EQ(listening_since(before), std::vector<int>{second.fd()});
}

}  // namespace
}  // namespace troupe::link
