// BlocksQuery and BlocksReply, ProbeQuery and ProbeReply: what nodes tell each other of their state where somebody
// asks.
#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {
namespace {

void write(const HeldBlocks& held, schema::HeldBlocks::Builder to) {
  to.setRequest(held.request.value);
  to.setHome(text_of(readable(held.home, kMostNameBytes)));
  to.setSends(held.sends);
  to.setPeer(text_of(readable(held.peer, kMostNameBytes)));
  to.setHeldNs(held.held_ns);
  auto states = to.initByState(list_size(held.by_state.size()));
  for (unsigned i = 0; i < states.size(); ++i) states.set(i, held.by_state[i]);
}

HeldBlocks read(Intake& in, schema::HeldBlocks::Reader from) {
  HeldBlocks held;
  held.request = RequestId{from.getRequest()};
  held.home = in.text("home", from.getHome(), kMostNameBytes);
  held.sends = from.getSends();
  held.peer = in.text("peer", from.getPeer(), kMostNameBytes);
  held.held_ns = in.number("held_ns", from.getHeldNs(), {0, kMostNanoseconds});
  const auto states = from.getByState();
  const auto size = in.length("by_state", states.size(), {kBlockStates, kBlockStates});
  for (unsigned i = 0; i < size; ++i) held.by_state[i] = in.number("by_state", states[i]);
  return held;
}

void write(const PathReport& path, schema::PathReport::Builder to) {
  to.setPeer(text_of(readable(path.peer, kMostNameBytes)));
  to.setTransport(text_of(readable(path.transport, kMostNameBytes)));
  to.setWhy(text_of(readable(path.why, kMostSentenceBytes)));
  to.setProblem(text_of(readable(path.problem, kMostSentenceBytes)));
  to.setRoundTripNs(path.round_trip_ns);
  to.setBytesPerSecond(path.bytes_per_second);
  to.setBytes(path.bytes);
  to.setHeardNs(path.heard_ns);
  to.setClockAheadNs(path.clock_ahead_ns);
  to.setClockErrorNs(path.clock_error_ns);
}

PathReport read(Intake& in, schema::PathReport::Reader from) {
  PathReport path;
  path.peer = in.text("peer", from.getPeer(), kMostNameBytes);
  path.transport = in.text("transport", from.getTransport(), kMostNameBytes);
  path.why = in.text("why", from.getWhy(), kMostSentenceBytes);
  path.problem = in.text("problem", from.getProblem(), kMostSentenceBytes);
  path.round_trip_ns = in.number("round_trip_ns", from.getRoundTripNs(), {-1, kMostNanoseconds});
  path.bytes_per_second = in.number("bytes_per_second", from.getBytesPerSecond(), {0, kMostNanoseconds});
  path.bytes = in.number("bytes", from.getBytes(), {0, kMostNanoseconds});
  path.heard_ns = in.number("heard_ns", from.getHeardNs(), {-1, kMostNanoseconds});
  path.clock_ahead_ns = in.number("clock_ahead_ns", from.getClockAheadNs(), {-kMostNanoseconds, kMostNanoseconds});
  path.clock_error_ns = in.number("clock_error_ns", from.getClockErrorNs(), {-1, kMostNanoseconds});
  return path;
}

}  // namespace

void write(const BlocksQuery& query, schema::BlocksQuery::Builder to) {
  to.setQuery(query.query);
  to.setMachine(query.machine.value);
}

BlocksQuery read(Intake&, schema::BlocksQuery::Reader from) { return {from.getQuery(), MachineId{from.getMachine()}}; }

void write(const BlocksReply& reply, schema::BlocksReply::Builder to) {
  to.setQuery(reply.query);
  to.setFound(reply.found);
  write(reply.what.blocks, to.initBlocks());
  auto leases = to.initLeases(list_size(reply.what.leases.size()));
  for (unsigned i = 0; i < leases.size(); ++i) write(reply.what.leases[i], leases[i]);
  to.setLeftOut(reply.what.left_out);
}

BlocksReply read(Intake& in, schema::BlocksReply::Reader from) {
  BlocksReply reply;
  reply.query = from.getQuery();
  reply.found = from.getFound();
  {
    const auto inside = in.enter("blocks");
    reply.what.blocks = read(in, from.getBlocks());
  }
  const auto leases = from.getLeases();
  reply.what.leases.resize(in.length("leases", leases.size(), {0, kMostLeasesShown}));
  for (unsigned i = 0; i < reply.what.leases.size() && !in.refusal(); ++i) {
    const auto here = in.enter("leases", i);
    reply.what.leases[i] = read(in, leases[i]);
  }
  reply.what.left_out = in.number("left_out", from.getLeftOut());
  return reply;
}

void write(const ProbeQuery& query, schema::ProbeQuery::Builder to) { to.setQuery(query.query); }

ProbeQuery read(Intake&, schema::ProbeQuery::Reader from) { return {from.getQuery()}; }

void write(const ProbeReply& reply, schema::ProbeReply::Builder to) {
  to.setQuery(reply.query);
  auto paths = to.initPaths(list_size(reply.paths.size()));
  for (unsigned i = 0; i < paths.size(); ++i) write(reply.paths[i], paths[i]);
}

ProbeReply read(Intake& in, schema::ProbeReply::Reader from) {
  ProbeReply reply;
  reply.query = from.getQuery();
  const auto paths = from.getPaths();
  reply.paths.resize(in.length("paths", paths.size(), {0, kMostPaths}));
  for (unsigned i = 0; i < reply.paths.size() && !in.refusal(); ++i) {
    const auto here = in.enter("paths", i);
    reply.paths[i] = read(in, paths[i]);
  }
  return reply;
}

}  // namespace troupe::wire
