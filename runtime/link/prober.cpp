#include "runtime/link/prober.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::link {
namespace {

constexpr std::size_t kPings = 15;  // odd: the median is one of them
constexpr std::chrono::seconds kAnswerWithin{2};
constexpr std::chrono::seconds kBytesWithin{20};

}  // namespace

void Prober::start(PeerId peer, Probed probed, Time now) {
  if (runs_.contains(peer)) {
    return probed(Error{ErrorCode::kOverloaded, "a probe to this peer is under way: wait for its end"});
  }
  Run& run = runs_[peer];
  run.probed = std::move(probed);
  run.deadline = now + kAnswerWithin;
  send_ping(peer, run, now);
}

void Prober::send_ping(PeerId peer, Run& run, Time now) {
  run.ping = ++last_ping_;
  run.sent = now;
  means_.ping(peer, run.ping);
}

void Prober::heard_pong(PeerId peer, std::uint64_t value, Time now) {
  const auto found = runs_.find(peer);
  if (found == runs_.end() || found->second.ping != value) return;
  Run& run = found->second;
  run.round_trips.push_back(now - run.sent);
  if (run.round_trips.size() < kPings) return send_ping(peer, run, now);
  run.deadline = now + kBytesWithin;
  run.ping = ++last_ping_;  // never sent: no later pong is this run's
  means_.send(peer, kProbeBytes,
              [this, peer, token = run.ping](Result<Pushed> pushed) { heard_bytes(peer, token, pushed); });
}

void Prober::heard_bytes(PeerId peer, std::uint64_t ping, const Result<Pushed>& pushed) {
  const auto found = runs_.find(peer);
  if (found == runs_.end() || found->second.ping != ping) return;
  if (!pushed.ok()) return end(peer, pushed.error());
  auto& round_trips = found->second.round_trips;
  const auto middle = round_trips.begin() + kPings / 2;
  std::nth_element(round_trips.begin(), middle, round_trips.end());
  const double seconds = std::chrono::duration<double>(pushed->time).count();
  const double rate =
      seconds > 0 ? static_cast<double>(pushed->bytes) / seconds : std::numeric_limits<double>::infinity();
  end(peer, Probe{*middle, rate, pushed->bytes});
}

void Prober::end(PeerId peer, Result<Probe> outcome) {
  const auto found = runs_.find(peer);
  const Probed probed = std::move(found->second.probed);
  runs_.erase(found);
  probed(std::move(outcome));
}

void Prober::fail(PeerId peer, const Error& error) {
  if (runs_.contains(peer)) end(peer, error);
}

void Prober::fail_all(const Error& error) {
  while (!runs_.empty()) end(runs_.begin()->first, error);
}

void Prober::look_at(Time now) {
  std::vector<PeerId> late;
  for (const auto& [peer, run] : runs_) {
    if (now >= run.deadline) late.push_back(peer);
  }
  for (const PeerId peer : late) {
    fail(peer,
         {ErrorCode::kUnavailable, "the peer did not answer a probe in time: it stalls, or does not know this node"});
  }
}

}  // namespace troupe::link
