#include "runtime/control/peer_user.hpp"

#include <sys/wait.h>

#include <gtest/gtest.h>

#include "runtime/control/socket.hpp"
#include "tests/unit/runtime/control/stranger.hpp"

namespace troupe::control {
namespace {

Socket accepted(const Socket& listener) {
  bool exhausted = false;
  Socket there;
  while (!there) there = accept_on(listener.fd(), exhausted);
  return there;
}

TEST(PeerIsOfThisUser, HoldsForAConnectionOfThisProcess) {
  for (const char* host : {"127.0.0.1", "127.0.0.9"}) {
    auto listener = listen_on({host, 0});
    auto here = begin_connecting({host, port_of(listener->fd())});
    EXPECT_TRUE(peer_is_of_this_user(accepted(*listener).fd())) << host;
  }
}

TEST(PeerIsOfThisUser, DoesNotHoldForOneThatItsOwnerHasClosed) {
  auto listener = listen_on({"127.0.0.1", 0});
  Socket there;
  {
    const Stranger gone(port_of(listener->fd()));
    there = accepted(*listener);
  }
  EXPECT_FALSE(peer_is_of_this_user(there.fd()));
}

TEST(PeerIsOfThisUser, DoesNotHoldForAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  auto listener = listen_on({"127.0.0.1", 0});
  const std::uint16_t port = port_of(listener->fd());
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setuid(65534) != 0) ::_exit(1);
    const Stranger stranger(port);
    stranger.hear_all();
    ::_exit(0);
  }
  {
    const Socket there = accepted(*listener);
    EXPECT_FALSE(peer_is_of_this_user(there.fd()));
  }
  int status = 1;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace troupe::control
