// The door before UCX's TCP port. UCX 1.13 believes whoever knows its protocol: a connection that begins with its magic
// number and goes on with a forged frame ends the process. It has no password, and its listening socket is its own. So
// the socket lets nobody in but for a few seconds when a node that is reached by tcp is about to connect, which only
// the control plane knows. Connections that are there are not touched.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace troupe::link {

/// This process's listening TCP sockets.
std::set<int> listening_sockets();
/// Those that are not in `before`.
std::vector<int> listening_since(const std::set<int>& before);

class TcpDoor {
 public:
  /// Closes the door before these sockets, which stay their owner's and have to outlive this. Where the kernel does not
  /// let it, it stays open.
  explicit TcpDoor(std::vector<int> sockets, std::chrono::milliseconds stays_open = std::chrono::seconds(5));
  ~TcpDoor();
  TcpDoor(const TcpDoor&) = delete;
  TcpDoor& operator=(const TcpDoor&) = delete;

  /// From now on, for the time that was given. Any thread.
  void open();

 private:
  void run();
  void let_in(bool anybody) const;

  const std::vector<int> sockets_;
  const std::chrono::milliseconds stays_open_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::steady_clock::time_point until_{};  ///< open until then
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace troupe::link
