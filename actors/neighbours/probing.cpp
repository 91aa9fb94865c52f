// How nodes reach each other, where somebody asks: each node measures the way to its peers, one node after another, so
// that no two measurements share a path.
#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/neighbours/neighbours.hpp"

namespace troupe {
namespace {

/// As long as all nodes together may take; a peer that does not answer takes its node two seconds.
constexpr std::chrono::seconds kPatience{25};

PathsFound refused(ErrorCode code, std::string why) {
  return {std::make_shared<const Result<std::vector<NodePaths>>>(Error{code, std::move(why)})};
}

}  // namespace

caf::typed_response_promise<PathsFound> Neighbours::on(const QueryPaths&) {
  auto promise = make_response_promise<PathsFound>();
  if (examination_) {
    promise.deliver(refused(ErrorCode::kOverloaded, "The nodes are being examined already; ask again in a moment."));
    return promise;
  }
  examination_.emplace();
  examination_->promise = promise;
  examination_->number = ++last_query_;
  examination_->to_ask.push_back(options_.self);
  for (const auto& [id, peer] : peers_) examination_->to_ask.push_back(id);
  delayed_send(NeighboursActor{this}, kPatience, InspectionDue{examination_->number});
  ask_next_node();
  return promise;
}

void Neighbours::ask_next_node() {
  auto& examination = *examination_;
  while (!examination.to_ask.empty()) {
    const NodeId node = examination.to_ask.front();
    examination.query = ++last_query_;
    if (node == options_.self) {
      probe_askers_[node] = examination.query;
      probe_peers();
      return;
    }
    if (send_to(node, wire::ProbeQuery{examination.query})) return;
    examination.to_ask.pop_front();
    examination.found.push_back({peers_.at(node).name, "it is away", {}});
  }
  end_examination();
}

void Neighbours::on_paths(NodeId from, std::uint64_t query, std::vector<PathReport> paths) {
  if (!examination_ || examination_->query != query || examination_->to_ask.front() != from) return;
  examination_->to_ask.pop_front();
  examination_->found.push_back({options_.nodes.at(from.value), {}, std::move(paths)});
  ask_next_node();
}

void Neighbours::end_examination() {
  auto examination = *std::exchange(examination_, std::nullopt);
  for (const NodeId node : examination.to_ask)
    examination.found.push_back(
        {options_.nodes.at(node.value), "it was not heard of within " + std::to_string(kPatience.count()) + " s", {}});
  examination.promise.deliver(
      PathsFound{std::make_shared<const Result<std::vector<NodePaths>>>(std::move(examination.found))});
}

void Neighbours::handle(NodeId from, const wire::ProbeQuery& query) {
  probe_askers_[from] = query.query;  // of a node that asks twice, the last question counts
  probe_peers();
}

void Neighbours::handle(NodeId from, wire::ProbeReply& reply) { on_paths(from, reply.query, std::move(reply.paths)); }

void Neighbours::probe_peers() {
  if (probing_) return;  // whoever asks meanwhile gets what this run finds
  probing_.emplace();
  for (const auto& [id, peer] : peers_) probing_->to_probe.push_back(id);
  probe_next_peer();
}

PathReport Neighbours::report_on(const Peer& peer) const {
  PathReport report;
  report.peer = peer.name;
  if (peer.session == 0) {
    report.problem = "it is away";
    return report;
  }
  report.heard_ns = std::chrono::nanoseconds(now() - peer.heard).count();
  if (peer.clock.error_ns < std::numeric_limits<std::int64_t>::max() / 2) {
    report.clock_ahead_ns = peer.clock.ahead_ns;
    report.clock_error_ns = peer.clock.error_ns;
  }
  if (!peer.link) {
    report.problem = "there is no path for KV";
    return report;
  }
  const auto path = options_.link->path(*peer.link);
  report.transport = path.transport;
  report.why = path.why;
  return report;
}

void Neighbours::probe_next_peer() {
  while (!probing_->to_probe.empty()) {
    const NodeId id = probing_->to_probe.front();
    const auto& peer = peers_.at(id);
    // KV travels between machines alone.
    if (peer.session != 0 && peer.link && !local_.empty() && !peer.machines.empty()) {
      options_.link->probe(*peer.link, [self = NeighboursActor{this}, id](Result<link::Probe> probed) {
        caf::anon_send(self, PeerProbed{id, std::make_shared<const Result<link::Probe>>(std::move(probed))});
      });
      return;
    }
    probing_->to_probe.pop_front();
    probing_->found.push_back(report_on(peer));
  }
  const auto found = std::move(probing_->found);
  probing_.reset();
  for (const auto& [asker, query] : std::exchange(probe_askers_, {})) {
    if (asker == options_.self) {
      on_paths(asker, query, found);
    } else {
      send_to(asker, wire::ProbeReply{query, found});
    }
  }
}

void Neighbours::on(const PeerProbed& probed) {
  if (!probing_ || probing_->to_probe.empty() || probing_->to_probe.front() != probed.peer) return;
  probing_->to_probe.pop_front();
  auto report = report_on(peers_.at(probed.peer));
  if (probed.how->ok()) {
    const auto& probe = **probed.how;
    report.round_trip_ns = probe.round_trip.count();
    report.bytes = static_cast<std::int64_t>(probe.bytes);
    constexpr double kMost = 1e18;  // beyond it a double is no int64
    report.bytes_per_second = static_cast<std::int64_t>(std::min(probe.bytes_per_second, kMost));
  } else if (report.problem.empty()) {
    report.problem = probed.how->error().message;
  }
  probing_->found.push_back(std::move(report));
  probe_next_peer();
}

}  // namespace troupe
