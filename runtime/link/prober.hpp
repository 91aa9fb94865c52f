// Probes under way: a few pings one after the other, then bytes. Knows no transport: it is told of pongs and of time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "runtime/link/link.hpp"

namespace troupe::link {

/// On the link's thread. At most one probe a peer; each ends exactly once.
class Prober {
 public:
  using Probed = std::function<void(Result<Probe>)>;
  using Time = std::chrono::steady_clock::time_point;
  struct Means {
    std::function<void(PeerId, std::uint64_t)> ping;  ///< with the value that the pong repeats
    std::function<void(PeerId, std::size_t, std::function<void(Result<Pushed>)>)> send;  ///< bytes that land nowhere
  };

  explicit Prober(Means means) : means_(std::move(means)) {}

  void start(PeerId peer, Probed probed, Time now);
  /// A pong that nobody waits for changes nothing.
  void heard_pong(PeerId peer, std::uint64_t value, Time now);
  void fail(PeerId peer, const Error& error);
  void fail_all(const Error& error);
  /// Ends what has waited too long.
  void look_at(Time now);
  bool waiting() const { return !runs_.empty(); }

 private:
  struct Run {
    Probed probed;
    std::uint64_t ping = 0;  ///< the one under way
    Time sent{};
    Time deadline{};
    std::vector<std::chrono::nanoseconds> round_trips;
  };
  void send_ping(PeerId peer, Run& run, Time now);
  void heard_bytes(PeerId peer, std::uint64_t ping, const Result<Pushed>& pushed);
  void end(PeerId peer, Result<Probe> outcome);

  Means means_;
  std::unordered_map<PeerId, Run> runs_;
  std::uint64_t last_ping_ = 0;
};

}  // namespace troupe::link
