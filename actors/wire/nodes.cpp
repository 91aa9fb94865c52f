// Hello, Refused, LinkWord, MachineUp, MachineDown, Beat: what nodes say about themselves.
#include <cmath>
#include <limits>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {
namespace {

void write(const WorkState& work, schema::Work::Builder to) {
  to.setWaiting(work.waiting);
  to.setRunning(work.running);
  to.setWaitingTokens(work.waiting_tokens);
  to.setPreemptions(work.preemptions);
}

WorkState read(Intake& in, schema::Work::Reader from) {
  WorkState work;
  work.waiting = in.number("waiting", from.getWaiting());
  work.running = in.number("running", from.getRunning());
  work.waiting_tokens = in.number("waiting_tokens", from.getWaitingTokens());
  work.preemptions = in.number("preemptions", from.getPreemptions());
  return work;
}

}  // namespace

void write(const PoolState& pool, schema::Pool::Builder to) {
  auto states = to.initByState(list_size(pool.by_state.size()));
  for (unsigned i = 0; i < states.size(); ++i) states.set(i, pool.by_state[i]);
  to.setTotal(pool.total);
  to.setLeases(pool.leases);
}

PoolState read(Intake& in, schema::Pool::Reader from) {
  PoolState pool;
  const auto states = from.getByState();
  const auto size = in.length("by_state", states.size(), {kBlockStates, kBlockStates});
  std::int64_t sum = 0;
  for (unsigned i = 0; i < size; ++i) sum += pool.by_state[i] = in.number("by_state", states[i]);
  pool.total = in.number("total", from.getTotal());
  if (sum != pool.total)
    in.refuse("total", "is " + std::to_string(pool.total) + ", but the states hold " + std::to_string(sum) + " blocks");
  pool.leases = in.number("leases", from.getLeases());
  return pool;
}

namespace {

/// Where a machine is at home, unless that is its role.
template <class Builder>
void write_home(const std::optional<policies::Role>& home, Builder to) {
  to.setAway(home.has_value());
  if (home) to.setHome(to_schema(*home));
}

template <class Reader>
std::optional<policies::Role> read_home(Intake& in, Reader from) {
  if (!from.getAway()) return std::nullopt;
  return in.known("home", from_schema(from.getHome()));
}

}  // namespace

void write(const Hello& hello, schema::Hello::Builder to) {
  to.setProtocol(hello.protocol);
  to.setBuild(text_of(readable(hello.build, kMostNameBytes)));
  to.setCluster(text_of(hello.cluster));
  to.setNode(hello.node.value);
  to.setName(text_of(hello.name));
  to.setIncarnation(hello.incarnation);
  to.setSession(hello.session);
  to.setPid(hello.pid);
  to.setLinkAddress({reinterpret_cast<const capnp::byte*>(hello.link_address.data()), hello.link_address.size()});
}

Hello read(Intake& in, schema::Hello::Reader from) {
  Hello hello;
  hello.protocol = from.getProtocol();
  hello.build = in.text("build", from.getBuild(), kMostNameBytes);
  hello.cluster = in.text("cluster", from.getCluster(), kMostNameBytes);
  hello.node = NodeId{from.getNode()};
  hello.name = in.text("name", from.getName(), kMostNameBytes);
  hello.incarnation = from.getIncarnation();
  hello.session = from.getSession();
  hello.pid = from.getPid();
  hello.link_address = in.bytes("link_address", from.getLinkAddress(), kMostLinkAddressBytes);
  return hello;
}

void write(const Refused& refused, schema::Refused::Builder to) {
  to.setWhy(text_of(readable(refused.why, kMostSentenceBytes)));
  to.setAgain(refused.again);
}

Refused read(Intake& in, schema::Refused::Reader from) {
  Refused refused;
  refused.why = in.text("why", from.getWhy(), kMostSentenceBytes);
  refused.again = from.getAgain();
  return refused;
}

void write(const LinkWord& word, schema::LinkWord::Builder to) {
  to.setWord({reinterpret_cast<const kj::byte*>(word.word.data()), word.word.size()});
}

LinkWord read(Intake& in, schema::LinkWord::Reader from) {
  return {in.bytes("word", from.getWord(), kMostLinkAddressBytes)};
}

void write(const MachineUp& up, schema::MachineUp::Builder to) {
  to.setMachine(up.machine.value);
  to.setName(text_of(up.name));
  to.setRole(to_schema(up.role));
  to.setDevice(text_of(readable(up.device, kMostNameBytes)));
  to.setModel(text_of(up.model));
  to.setLayers(up.layers);
  to.setKvHeads(up.kv_heads);
  to.setHeadDim(up.head_dim);
  to.setDtype(to_schema(static_cast<kernels::DType>(up.dtype)));
  to.setBlocks(up.blocks);
  to.setDraining(up.draining);
  to.setEpoch(up.epoch);
  write_home(up.home, to);
  to.setWhy(text_of(readable(up.why, kMostSentenceBytes)));
}

MachineUp read(Intake& in, schema::MachineUp::Reader from) {
  MachineUp up;
  up.machine = MachineId{from.getMachine()};
  up.name = in.text("name", from.getName(), kMostNameBytes);
  up.role = in.known("role", from_schema(from.getRole()));
  up.device = in.text("device", from.getDevice(), kMostNameBytes);
  up.model = in.text("model", from.getModel(), kMostNameBytes);
  up.layers = in.number("layers", from.getLayers(), {0, kMostLayers});
  up.kv_heads = in.number("kv_heads", from.getKvHeads(), {0, kMostKvHeads});
  up.head_dim = in.number("head_dim", from.getHeadDim(), {0, kMostHeadDim});
  up.dtype = static_cast<std::uint8_t>(in.known("dtype", from_schema(from.getDtype())));
  up.blocks = in.number("blocks", from.getBlocks(), {0, std::numeric_limits<std::int32_t>::max()});
  up.draining = from.getDraining();
  up.epoch = from.getEpoch();
  up.home = read_home(in, from);
  up.why = in.text("why", from.getWhy(), kMostSentenceBytes);
  return up;
}

void write(const Order& order, schema::Order::Builder to) {
  to.setEpoch(order.epoch);
  to.setMachine(order.machine.value);
  to.setRole(to_schema(order.role));
  to.setDraining(order.draining);
  write_home(order.home, to);
  to.setWhy(text_of(readable(order.why, kMostSentenceBytes)));
}

Order read(Intake& in, schema::Order::Reader from) {
  Order order;
  order.epoch = from.getEpoch();
  order.machine = MachineId{from.getMachine()};
  order.role = in.known("role", from_schema(from.getRole()));
  order.draining = from.getDraining();
  order.home = read_home(in, from);
  order.why = in.text("why", from.getWhy(), kMostSentenceBytes);
  return order;
}

void write(const MachineDown& down, schema::MachineDown::Builder to) { to.setMachine(down.machine.value); }

MachineDown read(Intake&, schema::MachineDown::Reader from) { return {MachineId{from.getMachine()}}; }

void write(const Beat& beat, schema::Beat::Builder to) {
  to.setNumber(beat.number);
  to.setClockNs(beat.clock_ns);
  to.setEcho(beat.echo);
  to.setEchoHeldNs(beat.echo_held_ns);
  to.setRoutes(beat.routes);
  auto links = to.initLinks(list_size(beat.links.size()));
  for (unsigned i = 0; i < links.size(); ++i) {
    links[i].setTo(beat.links[i].to.value);
    links[i].setRoundTripNs(beat.links[i].round_trip_ns);
    links[i].setBytesPerS(beat.links[i].bytes_per_s);
  }
  auto machines = to.initMachines(list_size(beat.machines.size()));
  for (unsigned i = 0; i < machines.size(); ++i) {
    const auto& machine = beat.machines[i];
    machines[i].setMachine(machine.machine.value);
    write(machine.prompts, machines[i].initPrompts());
    write(machine.tokens, machines[i].initTokens());
    write(machine.blocks, machines[i].initBlocks());
  }
}

Beat read(Intake& in, schema::Beat::Reader from) {
  Beat beat;
  beat.number = from.getNumber();
  beat.clock_ns = in.number("clock_ns", from.getClockNs(), {0, kMostNanoseconds});
  beat.echo = from.getEcho();
  beat.echo_held_ns = in.number("echo_held_ns", from.getEchoHeldNs(), {0, kMostNanoseconds});
  beat.routes = from.getRoutes();
  const auto links = from.getLinks();
  beat.links.resize(in.length("links", links.size(), {0, kMostLinksInBeat}));
  for (unsigned i = 0; i < beat.links.size() && !in.refusal(); ++i) {
    const auto here = in.enter("links", i);
    auto& link = beat.links[i];
    link.to = NodeId{links[i].getTo()};
    link.round_trip_ns = in.number("round_trip_ns", links[i].getRoundTripNs(), {0, kMostNanoseconds});
    link.bytes_per_s = links[i].getBytesPerS();
    if (!std::isfinite(link.bytes_per_s) || link.bytes_per_s < 0)
      in.refuse("bytes_per_s", "is no finite number of at least 0");
  }
  const auto machines = from.getMachines();
  beat.machines.resize(in.length("machines", machines.size(), {0, kMostMachinesInBeat}));
  for (unsigned i = 0; i < beat.machines.size() && !in.refusal(); ++i) {
    auto& machine = beat.machines[i];
    const auto here = in.enter("machines", i);
    machine.machine = MachineId{machines[i].getMachine()};
    const auto part = [&](const char* field, auto reader) {
      const auto inside = in.enter(field);
      return read(in, reader);
    };
    machine.prompts = part("prompts", machines[i].getPrompts());
    machine.tokens = part("tokens", machines[i].getTokens());
    machine.blocks = part("blocks", machines[i].getBlocks());
  }
  return beat;
}

}  // namespace troupe::wire
