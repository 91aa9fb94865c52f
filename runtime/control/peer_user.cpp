#include "runtime/control/peer_user.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "runtime/control/socket.hpp"

namespace troupe::control {
namespace {

struct Owner {
  std::uint32_t user = 0;
  std::uint32_t inode = 0;  ///< 0 where no process has the socket any more
};

struct Question {
  nlmsghdr head;
  inet_diag_req_v2 body;
};

/// `end` as the kernel's question has it: the address's words and the port, both in network order.
bool put(const sockaddr_storage& end, __be32 (&address)[4], __be16& port) {
  if (end.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(end);
    std::memcpy(address, &v4.sin_addr, sizeof v4.sin_addr);
    port = v4.sin_port;
    return true;
  }
  if (end.ss_family != AF_INET6) return false;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(end);
  std::memcpy(address, &v6.sin6_addr, sizeof v6.sin6_addr);
  port = v6.sin6_port;
  return true;
}

/// Of the socket at the other end, if it is this host's.
std::optional<Owner> owner_of_peer(int fd) {
  sockaddr_storage here{};
  sockaddr_storage there{};
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_size) != 0 ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) != 0)
    return std::nullopt;
  Question question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST;
  question.body.sdiag_family = static_cast<std::uint8_t>(here.ss_family);
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  question.body.id.idiag_cookie[0] = question.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  // What is the source for the other end is the destination for this one.
  if (!put(there, question.body.id.idiag_src, question.body.id.idiag_sport) ||
      !put(here, question.body.id.idiag_dst, question.body.id.idiag_dport))
    return std::nullopt;

  const Socket kernel(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  const timeval patience{1, 0};
  alignas(nlmsghdr) char bytes[4096];
  if (!kernel || ::setsockopt(kernel.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      ::send(kernel.fd(), &question, sizeof question, 0) != static_cast<ssize_t>(sizeof question))
    return std::nullopt;
  const ssize_t size = ::recv(kernel.fd(), bytes, sizeof bytes, 0);
  nlmsghdr head{};
  inet_diag_msg answer{};
  if (size < static_cast<ssize_t>(NLMSG_HDRLEN + sizeof answer)) return std::nullopt;
  std::memcpy(&head, bytes, sizeof head);
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
  std::memcpy(&answer, bytes + NLMSG_HDRLEN, sizeof answer);
  return Owner{answer.idiag_uid, answer.idiag_inode};
}

}  // namespace

bool peer_is_of_this_user(int fd) {
  const auto owner = owner_of_peer(fd);
  // A socket that its owner has closed is root's by then, whoever it was.
  return owner && owner->inode != 0 && (owner->user == 0 || owner->user == ::geteuid());
}

}  // namespace troupe::control
