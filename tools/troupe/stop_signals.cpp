#include "tools/troupe/stop_signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "runtime/base/check.hpp"

namespace troupe {
namespace {

static_assert(std::atomic<int>::is_always_lock_free, "signal handlers need lock-free counters");
std::atomic<int> signal_mode{static_cast<int>(OnSignal::kEnd)};
std::atomic<int> signals_seen{0};
std::atomic<int> wake_fd{-1};  // write end of a pipe that wait_for_stop() reads
int wait_fd = -1;

void on_signal(int number) {
  const int saved_errno = errno;
  const auto mode = static_cast<OnSignal>(signal_mode.load());
  const bool at_once = mode == OnSignal::kEnd ||
                       (mode == OnSignal::kStop && number == SIGINT && signals_seen.load() > 0) ||
                       (mode == OnSignal::kInterrupt && number == SIGTERM);
  if (at_once) {
    // By the signal itself, so that shells and service managers see what ended the process.
    ::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  signals_seen.fetch_add(1);
  const char byte = 0;
  // A full pipe already holds a wake-up.
  [[maybe_unused]] const auto written = ::write(wake_fd.load(), &byte, 1);
  errno = saved_errno;
}

}  // namespace

void handle_stop_signals(OnSignal mode) {
  if (wait_fd < 0) {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, errno);
    wait_fd = ends[0];
    wake_fd.store(ends[1]);
  }
  clear_stop_request();
  signal_mode.store(static_cast<int>(mode));
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  // Without SA_RESTART: a read from the terminal ends with EINTR.
  CHECK(::sigaction(SIGINT, &action, nullptr) == 0, errno);
  CHECK(::sigaction(SIGTERM, &action, nullptr) == 0, errno);
  ::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() { return signals_seen.load() > 0; }

void clear_stop_request() {
  signals_seen.store(0);
  char bytes[64];
  while (::read(wait_fd, bytes, sizeof bytes) > 0) {
  }
}

void wait_for_stop() {
  while (!stop_requested()) {
    pollfd waited{wait_fd, POLLIN, 0};
    ::poll(&waited, 1, -1);
  }
}

int stop_fd() { return wait_fd; }

}  // namespace troupe
