#include "runtime/control/gate.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/clock/wall_clock.hpp"
#include "runtime/control/greeting.hpp"
#include "runtime/control/peer_user.hpp"

namespace troupe::control {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kMostAcceptedAtOnce = 16;
/// How long nothing is accepted after the process ran out of descriptors.
constexpr std::chrono::milliseconds kExhaustedPause{100};
/// How long a side that was refused in TLS has to read why.
constexpr std::chrono::milliseconds kFarewell{500};

enum class Stage { kConnecting, kTls, kSpeaking, kListening, kThrough, kFarewell, kOver };

/// A connection that is not through yet.
struct Waiting {
  Connection connection;
  Side here = Side::kListener;  ///< which side this process is
  bool reached = false;         ///< somebody is at the other end
  Stage stage = Stage::kConnecting;
  short wants = 0;  ///< poll's events
  Time deadline;
  Greeting heard{};
  std::size_t heard_bytes = 0;
  std::size_t spoken_bytes = 0;
  std::string why;     ///< of kOver and kFarewell
  Gate::Dialled done;  ///< of a dial
};

Side other(Side side) { return side == Side::kDialler ? Side::kListener : Side::kDialler; }

void end(Waiting& one, std::string why) {
  one.stage = Stage::kOver;
  one.why = std::move(why);
}

const char* what_is_missing(const Waiting& one) {
  switch (one.stage) {
    case Stage::kConnecting:
      return "it cannot be reached. Is the host up, and does a firewall let control ports through?";
    case Stage::kTls:
      return "its TLS handshake did not end. Does it run with `tls`, as this node does?";
    default:
      return one.here == Side::kDialler
                 ? "it did not answer the greeting. Is it a node, with the same `tls` as this one?"
                 : "it did not send a node's greeting. Check who connects to this port.";
  }
}

void after_tls(Waiting& one) {
  one.stage = one.here == Side::kDialler ? Stage::kSpeaking : Stage::kListening;
  one.wants = one.here == Side::kDialler ? POLLOUT : POLLIN;
}

void go_on_connecting(Waiting& one) {
  if (const int failed = connecting_failed(one.connection.socket.fd()); failed != 0) {
    end(one, std::string("it cannot be reached (") + std::strerror(failed) + ").");
    return;
  }
  one.reached = true;
  if (one.connection.tls) {
    one.stage = Stage::kTls;
  } else {
    after_tls(one);
  }
}

void go_on_with_tls(Waiting& one) {
  auto wants = one.connection.tls->shake_hands();
  if (!wants.ok()) {
    // OpenSSL has sent the alert that says why. Closed now, with bytes unread, the socket would take it back.
    one.why = wants.error().message;
    one.stage = Stage::kFarewell;
    one.wants = POLLIN;
    one.deadline = std::min(one.deadline, clock::steady_now() + kFarewell);
    ::shutdown(one.connection.socket.fd(), SHUT_WR);
  } else if (*wants == TlsSession::Wants::kNothing) {
    after_tls(one);
  } else {
    one.wants = *wants == TlsSession::Wants::kRead ? POLLIN : POLLOUT;
  }
}

void speak(Waiting& one) {
  const Greeting words = greeting_of(one.here);
  while (one.spoken_bytes < words.size()) {
    const Moved moved = one.connection.transmit(std::span(words).subspan(one.spoken_bytes));
    if (moved.state == Moved::State::kNone) return;
    if (moved.state == Moved::State::kEnded) return end(one, "it closed the connection before the greeting.");
    one.spoken_bytes += moved.bytes;
  }
  one.stage = one.here == Side::kDialler ? Stage::kListening : Stage::kThrough;
  one.wants = POLLIN;
}

void hear(Waiting& one) {
  while (one.heard_bytes < one.heard.size()) {
    const Moved moved = one.connection.receive(std::span(one.heard).subspan(one.heard_bytes));
    if (moved.state == Moved::State::kNone) return;
    if (moved.state == Moved::State::kEnded) {
      const std::string& broken = one.connection.tls ? one.connection.tls->broken() : std::string();
      return end(one,
                 !broken.empty() ? broken
                 : one.here == Side::kDialler
                     ? "it closed the connection instead of greeting. Its log may say why; `tls` must be the same on "
                       "both sides."
                     : "it closed the connection without a greeting.");
    }
    one.heard_bytes += moved.bytes;
    const auto said = check_greeting(std::span(one.heard).first(one.heard_bytes), other(one.here));
    if (!said.ok()) return end(one, said.error().message);
  }
  if (one.here == Side::kDialler) {
    one.stage = Stage::kThrough;
    return;
  }
  if (!one.connection.tls && !peer_is_of_this_user(one.connection.socket.fd()))
    return end(one, "it is another user's. Nodes without `tls` must all run as one user.");
  one.stage = Stage::kSpeaking;
  one.wants = POLLOUT;
}

void say_farewell(Waiting& one) {
  std::array<char, 512> unread;
  Moved moved;
  do moved = receive(one.connection.socket.fd(), unread);
  while (moved.state == Moved::State::kSome);
  if (moved.state == Moved::State::kEnded) one.stage = Stage::kOver;
}

/// As far as it goes without waiting.
void go_on(Waiting& one) {
  Stage before;
  do {
    before = one.stage;
    switch (one.stage) {
      case Stage::kConnecting:
        go_on_connecting(one);
        break;
      case Stage::kTls:
        go_on_with_tls(one);
        break;
      case Stage::kSpeaking:
        speak(one);
        break;
      case Stage::kListening:
        hear(one);
        break;
      case Stage::kFarewell:
        say_farewell(one);
        break;
      case Stage::kThrough:
      case Stage::kOver:
        break;
    }
  } while (one.stage != before);
}

}  // namespace

/// What the gate's thread works on. Others only put commands in and wake it.
class Gate::Loop {
 public:
  explicit Loop(GateOptions options) : options_(std::move(options)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(wake_, errno);
    if (!options_.refusals) options_.refusals = std::make_shared<Refusals>(nullptr);
    thread_ = std::thread([this] { run(); });
  }

  ~Loop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake();
    thread_.join();
  }

  void listen(Socket socket, Admit admit) {
    const std::lock_guard lock(mutex_);
    CHECK(!next_listener_, "a gate listens once");
    next_listener_.emplace(std::move(socket), std::move(admit));
    wake();
  }

  void dial(const Endpoint& endpoint, std::string node, Dialled done) {
    Waiting one;
    one.here = Side::kDialler;
    one.connection.peer = std::move(node);
    one.wants = POLLOUT;
    one.deadline = clock::steady_now() + options_.patience;
    one.done = std::move(done);
    auto begun = begin_connecting(endpoint);
    if (begun.ok()) {
      one.connection.socket = std::move(*begun);
      secure(one);
    } else {
      end(one, "it cannot be reached (" + begun.error().message + ").");
    }
    const std::lock_guard lock(mutex_);
    new_dials_.push_back(std::move(one));
    wake();
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    // Fails only when it is already awake.
    if (::write(wake_.fd(), &one, sizeof one) < 0) return;
  }

  void secure(Waiting& one) {
    if (options_.tls) {
      one.connection.tls =
          std::make_unique<TlsSession>(options_.tls, one.connection.socket.fd(), one.here, one.connection.peer);
    }
  }

  void run() {
    while (take_commands()) {
      wait();
      const Time now = clock::steady_now();
      for (Waiting& one : waiting_) {
        if (one.deadline > now || one.stage == Stage::kThrough || one.stage == Stage::kOver) continue;
        if (one.stage == Stage::kFarewell)
          one.stage = Stage::kOver;
        else
          end(one, what_is_missing(one));
      }
      settle();
    }
    for (Waiting& one : waiting_)
      if (one.done) one.done(Error{ErrorCode::kCancelled, "This node is stopping."});
  }

  /// False once the gate is to stop.
  bool take_commands() {
    const std::lock_guard lock(mutex_);
    if (next_listener_ && !listener_) {
      listener_ = std::move(next_listener_->first);
      admit_ = std::move(next_listener_->second);
    }
    for (Waiting& one : new_dials_) waiting_.push_back(std::move(one));
    new_dials_.clear();
    return !stop_;
  }

  void wait() {
    const Time now = clock::steady_now();
    Time until = now + std::chrono::hours(1);
    bool ready = false;
    std::vector<pollfd> polled{{wake_.fd(), POLLIN, 0}};
    const bool accepts = listener_ && now >= accept_again_;
    if (listener_ && !accepts) until = std::min(until, accept_again_);
    if (accepts) polled.push_back({listener_.fd(), POLLIN, 0});
    const std::size_t first = polled.size();
    for (const Waiting& one : waiting_) {
      polled.push_back({one.connection.socket.fd(), one.wants, 0});  // a negative one is passed over
      until = std::min(until, one.deadline);
      ready = ready || one.stage == Stage::kOver;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    if (::poll(polled.data(), polled.size(), ready ? 0 : static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0)
      return;
    if (polled[0].revents != 0) {
      std::uint64_t ignored = 0;
      if (::read(wake_.fd(), &ignored, sizeof ignored) < 0) return;
    }
    std::size_t at = first;
    for (Waiting& one : waiting_)
      if (polled[at++].revents != 0) go_on(one);
    if (accepts && polled[1].revents != 0) accept();
  }

  void accept() {
    for (std::size_t i = 0; i < kMostAcceptedAtOnce; ++i) {
      bool exhausted = false;
      Socket socket = accept_on(listener_.fd(), exhausted);
      if (exhausted) {
        options_.refusals->report("anybody", "this process has no file descriptor left; raise its limit (ulimit -n).");
        accept_again_ = clock::steady_now() + kExhaustedPause;
      }
      if (!socket) return;
      Waiting one;
      one.reached = true;
      one.connection.peer = peer_of(socket.fd());
      one.connection.socket = std::move(socket);
      one.deadline = clock::steady_now() + options_.patience;
      secure(one);
      if (one.connection.tls) {
        one.stage = Stage::kTls;
        one.wants = POLLIN;
      } else {
        after_tls(one);
      }
      make_room();
      waiting_.push_back(std::move(one));
    }
  }

  /// A node needs milliseconds for what others take seconds to not do: the oldest is the likeliest stranger.
  void make_room() {
    const auto accepted = [](const Waiting& one) { return one.here == Side::kListener && one.stage != Stage::kOver; };
    if (static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), accepted)) < options_.most_waiting)
      return;
    end(*std::find_if(waiting_.begin(), waiting_.end(), accepted),
        "it sent no greeting while " + std::to_string(options_.most_waiting) +
            " others came. Check who connects to this port.");
  }

  /// Passes on who is through and lets go of who is over.
  void settle() {
    for (auto one = waiting_.begin(); one != waiting_.end();) {
      if (one->stage == Stage::kThrough) {
        if (one->done)
          one->done(std::move(one->connection));
        else
          admit_(std::move(one->connection));
      } else if (one->stage == Stage::kOver) {
        // That nobody is there is no refusal: a node may be away for long, and is dialled again and again.
        if (one->reached) options_.refusals->report(one->connection.peer, one->why);
        if (one->done) one->done(Error{ErrorCode::kUnavailable, one->why});
      } else {
        ++one;
        continue;
      }
      one = waiting_.erase(one);
    }
  }

  GateOptions options_;
  Socket wake_;
  std::mutex mutex_;  // of the four below
  bool stop_ = false;
  std::optional<std::pair<Socket, Admit>> next_listener_;
  std::vector<Waiting> new_dials_;
  Socket listener_;  // from here on the thread's alone
  Admit admit_;
  Time accept_again_{};
  std::list<Waiting> waiting_;
  std::thread thread_;
};

Gate::Gate(GateOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
Gate::~Gate() = default;

void Gate::listen(Socket listener, Admit admit) { loop_->listen(std::move(listener), std::move(admit)); }

void Gate::dial(const Endpoint& endpoint, std::string node, Dialled done) {
  loop_->dial(endpoint, std::move(node), std::move(done));
}

}  // namespace troupe::control
