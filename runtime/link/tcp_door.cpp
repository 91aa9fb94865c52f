#include "runtime/link/tcp_door.hpp"

#include <dirent.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>

#include "runtime/clock/wall_clock.hpp"

namespace troupe::link {

std::set<int> listening_sockets() {
  std::set<int> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const int fd = std::atoi(entry->d_name);
    sockaddr_storage address{};
    socklen_t address_size = sizeof address;
    int listens = 0;
    socklen_t size = sizeof listens;
    if (entry->d_name[0] == '.' || ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &address_size) != 0)
      continue;
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6) found.insert(fd);
  }
  return found;
}

std::vector<int> listening_since(const std::set<int>& before) {
  const std::set<int> now = listening_sockets();
  std::vector<int> fresh;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::back_inserter(fresh));
  return fresh;
}

TcpDoor::TcpDoor(std::vector<int> sockets, std::chrono::milliseconds stays_open)
    : sockets_(std::move(sockets)), stays_open_(stays_open) {
  let_in(false);
  thread_ = std::thread([this] { run(); });
}

TcpDoor::~TcpDoor() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void TcpDoor::open() {
  const std::lock_guard lock(mutex_);
  const auto now = clock::steady_now();
  // The caller's next act may be what makes a peer connect, so it is not left to the thread.
  if (until_ <= now) let_in(true);
  until_ = now + stays_open_;
  changed_.notify_all();
}

void TcpDoor::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (until_ == std::chrono::steady_clock::time_point{}) {
      changed_.wait(lock);
    } else if (until_ > clock::steady_now()) {
      changed_.wait_until(lock, until_);
    } else {
      let_in(false);
      until_ = {};
    }
  }
}

void TcpDoor::let_in(bool anybody) const {
  // A packet to the listening socket on which the filter says 0 is dropped: to who connects it looks lost, and is sent
  // again. What was accepted before is a socket of its own, without the filter.
  sock_filter nobody{BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program{1, &nobody};
  for (const int socket : sockets_) {
    if (anybody) {
      const int unused = 0;
      ::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    } else {
      ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    }
  }
}

}  // namespace troupe::link
