// One request's messages across nodes, and how the nodes' clocks differ.
#include <utility>

#include "actors/messages/transfers.hpp"
#include "actors/neighbours/neighbours.hpp"

namespace troupe {
namespace {

/// Whoever does not answer a question about the past in this time is left out.
constexpr std::chrono::milliseconds kPatience{500};
/// How fast two clocks may drift apart: an estimate grows worse by so much with each beat that did not improve it.
constexpr std::int64_t kDriftNs = 500;

std::int64_t in_ns(TimePoint time) { return std::chrono::nanoseconds(time.time_since_epoch()).count(); }

}  // namespace

wire::Beat Neighbours::beat_for(Peer& peer) {
  wire::Beat beat{beats_, latest_, in_ns(now()), peer.clock.heard_beat, 0, active_ == options_.self, links()};
  if (beat.echo != 0) beat.echo_held_ns = in_ns(now()) - in_ns(peer.clock.heard_at);
  return beat;
}

void Neighbours::note_clock(Peer& peer, const wire::Beat& beat) {
  auto& clock = peer.clock;
  clock.heard_beat = beat.number;
  clock.heard_at = now();
  const bool ours = beat.echo != 0 && beat.echo <= beats_ && beats_ - beat.echo < beat_times_.size();
  if (!ours) return;
  const std::int64_t heard = in_ns(clock.heard_at);
  const std::int64_t round_trip = heard - in_ns(beat_times_[beat.echo % beat_times_.size()]) - beat.echo_held_ns;
  if (round_trip < 0) return;
  if (clock.error_ns < std::numeric_limits<std::int64_t>::max() - kDriftNs) clock.error_ns += kDriftNs;
  if (round_trip / 2 > clock.error_ns) return;
  clock.error_ns = round_trip / 2;
  clock.ahead_ns = beat.clock_ns + round_trip / 2 - heard;
}

void Neighbours::on(GatherTraces& gather) {
  const auto id = ++last_query_;
  auto& gathering = gatherings_[id];
  gathering.what = std::move(gather);
  auto& traces = gathering.what.traces;
  for (std::size_t i = 0; i < traces.size(); ++i) {
    for (auto& message : traces[i].messages) message.node = options_.nodes.at(options_.self.value);
    for (const auto& [node, peer] : peers_) {
      if (peer.session == 0) continue;
      gathering.missing[++last_query_] = {i, node};
      send_to(node, wire::TraceQuery{last_query_, traces[i].request});
    }
  }
  if (gathering.missing.empty()) {
    finish_gathering(id);
  } else {
    delayed_send(NeighboursActor{this}, kPatience, GatheringDue{id});
  }
}

void Neighbours::handle(NodeId from, const wire::TraceQuery& query) {
  if (!options_.recorder) {
    send_to(from, wire::TraceReply{query.query, true, {}});
    return;
  }
  request(options_.recorder, caf::infinite, QueryTrace{query.request})
      .then(
          [this, from, number = query.query](TraceFound& found) {
            send_to(from, wire::TraceReply{number, found.complete, std::move(found.messages)});
          },
          [](caf::error&) {});  // the node is going down; the asker does not wait for ever
}

void Neighbours::handle(NodeId from, wire::TraceReply& reply) {
  for (auto& [id, gathering] : gatherings_) {
    const auto missing = gathering.missing.find(reply.query);
    if (missing == gathering.missing.end() || missing->second.second != from) continue;
    auto& trace = gathering.what.traces.at(missing->second.first);
    gathering.missing.erase(missing);
    const auto& peer = peers_.at(from);
    const bool known = peer.clock.error_ns < std::numeric_limits<std::int64_t>::max() / 2;
    const std::int64_t ahead = known ? peer.clock.ahead_ns : 0;
    if (!reply.messages.empty() && known) trace.clocks.push_back({peer.name, ahead, peer.clock.error_ns});
    trace.complete = trace.complete && reply.complete;
    for (auto& message : reply.messages) {
      message.node = peer.name;
      message.sent_ns -= ahead + trace.began_ns;
      trace.messages.push_back(std::move(message));
    }
    if (gathering.missing.empty()) finish_gathering(id);
    return;
  }
}

void Neighbours::finish_gathering(std::uint64_t id) {
  auto found = gatherings_.extract(id);
  if (!found) return;
  auto& [what, missing] = found.mapped();
  for (const auto& [query, whose] : missing) what.traces.at(whose.first).silent.push_back(peers_.at(whose.second).name);
  for (auto& trace : what.traces) {
    heed_causes(trace);
    find_transfers(trace);
  }
  what.with(std::move(what.traces));
}

}  // namespace troupe
