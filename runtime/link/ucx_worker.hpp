// One UCX context and worker for one transport. The only header that shows UCX; the link's .cpp files alone include it.
#pragma once

#include <ucp/api/ucp.h>

#include <memory>
#include <string>

#include "runtime/base/result.hpp"

namespace troupe::link {

enum class Transport { kSharedMemory, kTcp };

/// Not thread-safe: made, used and destroyed by one thread at a time.
class UcxWorker {
 public:
  /// `tcp_device` is the network device whose address the worker listens on; shared memory ignores it. Peers that die
  /// are noticed (PEER error handling) on both transports, so that an endpoint can be closed by force.
  static Result<std::unique_ptr<UcxWorker>> open(Transport transport, const std::string& tcp_device);
  ~UcxWorker();
  UcxWorker(const UcxWorker&) = delete;
  UcxWorker& operator=(const UcxWorker&) = delete;

  Transport transport() const { return transport_; }
  ucp_worker_h handle() const { return worker_; }
  ucp_context_h context() const { return context_; }
  /// What another worker of this transport needs to reach this one.
  const std::string& address() const { return address_; }
  /// Readable when progress() has something to do, after arm() said that it may be waited for.
  int event_fd() const { return event_fd_; }
  bool progress() { return ucp_worker_progress(worker_) != 0; }
  bool arm() { return ucp_worker_arm(worker_) == UCS_OK; }
  /// `handler` hears each active message of that id, from within progress().
  void on_message(unsigned id, ucp_am_recv_callback_t handler, void* argument);

 private:
  explicit UcxWorker(Transport transport) : transport_(transport) {}

  Transport transport_;
  ucp_context_h context_ = nullptr;
  ucp_worker_h worker_ = nullptr;
  std::string address_;
  int event_fd_ = -1;
};

/// The ids of active messages: pieces of transfers, signals (signal.hpp), and the headers of pieces whose bytes are in
/// a slot (ucx_ring.hpp).
inline constexpr unsigned kPieceMessage = 0;
inline constexpr unsigned kSignalMessage = 1;
inline constexpr unsigned kSlotMessage = 2;

}  // namespace troupe::link
