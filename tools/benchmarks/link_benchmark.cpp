// How fast KV blocks travel between two processes of this host, beside what UCX's own ucx_perftest reaches over the
// same transport in the same run.
//
// usage: link_benchmark [seconds for each row, 0.5 by default]
//
// A row is one size of transfer: blocks scattered over the sender's slab to blocks scattered over the receiver's, one
// transfer under way after the other, from the push to the arrival (announced back over a pipe).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "runtime/link/ucx_link.hpp"

namespace troupe::link {
namespace {

using Clock = std::chrono::steady_clock;

constexpr kernels::KvLayout kLayout{16, 4, 64, 160, kernels::DType::kF32};  // 512 KiB a block, 80 MiB a slab

struct Pipe {
  int ends[2];
  Pipe() { CHECK(::pipe(ends) == 0); }
  void put(const std::string& text) {
    const std::uint64_t length = text.size();
    CHECK(::write(ends[1], &length, sizeof length) == sizeof length);
    CHECK(::write(ends[1], text.data(), length) == static_cast<ssize_t>(length));
  }
  std::string get() {
    std::uint64_t length = 0;
    if (::read(ends[0], &length, sizeof length) != sizeof length) return "";
    std::string text(length, '\0');
    CHECK(::read(ends[0], text.data(), length) == static_cast<ssize_t>(length));
    return text;
  }
};

struct Setting {
  bool shared_memory;
  bool checksums;
};

struct Node {
  std::vector<std::byte> memory = std::vector<std::byte>(kLayout.slab_bytes(), std::byte{1});
  std::unique_ptr<Link> link;
  SlabId slab;
  PeerId peer;

  Node(const Setting& setting, Pipe& out, Pipe& in) {
    UcxOptions options;
    options.shared_memory = setting.shared_memory;
    options.checksums = setting.checksums;
    link = std::move(start_ucx_link(options)).value();
    slab = link->add_slab(memory, kLayout);
    out.put(link->address());
    peer = link->add_peer(in.get()).value();
    while (setting.shared_memory && !link->path(peer).transport.starts_with("shared")) std::this_thread::yield();
  }
};

/// `bytes` as places and layers: few bytes are one layer of a few blocks, many are whole blocks.
struct Shape {
  std::uint32_t blocks;
  std::int32_t layers;
};
Shape shape_of(std::size_t bytes) {
  if (bytes <= kLayout.block_bytes()) return {1, static_cast<std::int32_t>(bytes / kLayout.layer_block_bytes())};
  return {static_cast<std::uint32_t>(bytes / kLayout.block_bytes()), kLayout.layers};
}

std::vector<BlockId> scattered(std::uint32_t count, std::uint32_t step) {
  std::vector<BlockId> blocks;
  for (std::uint32_t i = 0; i < count; ++i) blocks.push_back(BlockId{i * step % 160});
  return blocks;
}

/// The receiving process: for each ticket that it is told of, a landing; "open", then the outcome.
void receive(const Setting& setting, Pipe& out, Pipe& in) {
  Node node(setting, out, in);
  for (std::string order = in.get(); order != "end" && !order.empty(); order = in.get()) {
    const std::size_t space = order.find(' ');
    const Ticket ticket{1, std::stoull(order)};
    const auto blocks = static_cast<std::uint32_t>(std::stoul(order.substr(space)));
    std::promise<Result<Arrival>> arrived;
    node.link->open_landing({ticket, node.peer, node.slab, scattered(blocks, 7)},
                            [&](Result<Arrival> result) { arrived.set_value(std::move(result)); });
    static_cast<void>(node.link->add_peer(node.link->address()));  // returns when the landing is open
    out.put("open");
    const auto arrival = arrived.get_future().get();
    out.put(arrival.ok() ? "arrived" : arrival.error().message);
  }
}

double gigabytes_per_second(Node& node, Pipe& out, Pipe& in, std::size_t bytes, double seconds) {
  static std::uint64_t tickets = 0;
  const Shape shape = shape_of(bytes);
  double busy = 0;
  std::size_t sent = 0;
  while (busy < seconds) {
    const Ticket ticket{1, ++tickets};
    out.put(std::to_string(ticket.low) + " " + std::to_string(shape.blocks));
    CHECK(in.get() == "open");
    const auto start = Clock::now();
    // What a landing needs beyond the measured layers comes after the clock has stopped.
    std::promise<void> pushed;
    Push push{ticket, node.slab, scattered(shape.blocks, 3), 0, 0, shape.layers, shape.layers == kLayout.layers, {}};
    node.link->push(node.peer, push, [&](Result<Pushed> result) {
      CHECK(result.ok(), result.error().message);
      pushed.set_value();
    });
    pushed.get_future().wait();
    if (push.last) CHECK(in.get() == "arrived");
    busy += std::chrono::duration<double>(Clock::now() - start).count();
    sent += bytes;
    if (!push.last) {
      push.first_layer = shape.layers;
      push.layers = static_cast<std::int32_t>(kLayout.layers) - shape.layers;
      push.last = true;
      node.link->push(node.peer, push, [](Result<Pushed>) {});
      CHECK(in.get() == "arrived");
    }
  }
  return static_cast<double>(sent) / busy * 1e-9;
}

/// ucx_perftest's overall active message bandwidth, or 0 where it cannot be had.
double perftest(bool shared_memory, std::size_t bytes) {
  static int port = 20000 + static_cast<int>(::getpid() % 20000);
  ++port;
  const std::string environment = std::string("UCX_LOG_LEVEL=fatal UCX_TLS=") + (shared_memory ? "posix" : "tcp") +
                                  " UCX_NET_DEVICES=" + (shared_memory ? "memory" : "lo") +
                                  (shared_memory ? " UCX_POSIX_ERROR_HANDLING=y" : "");
  const std::string rounds = std::to_string(std::clamp<std::size_t>((256 << 20) / bytes, 8, 2000));
  const std::string command = environment + " timeout 60 ucx_perftest -p " + std::to_string(port) +
                              " >/dev/null 2>&1 & sleep 0.5; " + environment + " timeout 60 ucx_perftest -p " +
                              std::to_string(port) + " 127.0.0.1 -e -f -w 2 -t ucp_am_bw -s " + std::to_string(bytes) +
                              " -n " + rounds + " 2>/dev/null | tail -1; wait";
  FILE* out = ::popen(command.c_str(), "r");
  if (out == nullptr) return 0;
  unsigned long count = 0;
  double typical = 0;
  double average = 0;
  double overall = 0;
  double bandwidth = 0;
  double bandwidth_overall = 0;
  const int got =
      std::fscanf(out, "%lu %lf %lf %lf %lf %lf", &count, &typical, &average, &overall, &bandwidth, &bandwidth_overall);
  ::pclose(out);
  return got == 6 ? bandwidth_overall * 1.048576e-3 : 0;
}

void measure(const Setting& setting, double seconds) {
  Pipe to_child;
  Pipe from_child;
  const pid_t child = ::fork();
  if (child == 0) {
    receive(setting, from_child, to_child);
    ::_exit(0);
  }
  {
    Node node(setting, to_child, from_child);
    for (const std::size_t bytes :
         {std::size_t{64} << 10, std::size_t{1} << 20, std::size_t{16} << 20, std::size_t{64} << 20}) {
      const double ours = gigabytes_per_second(node, to_child, from_child, bytes, seconds);
      const double theirs = perftest(setting.shared_memory, bytes);
      std::printf("%-14s checksums %-3s %6zu KiB  %6.2f GB/s", setting.shared_memory ? "shared memory" : "tcp lo",
                  setting.checksums ? "on" : "off", bytes >> 10, ours);
      if (theirs > 0) std::printf("   ucx_perftest %6.2f GB/s   ratio %.2f", theirs, ours / theirs);
      std::printf("\n");
      std::fflush(stdout);
    }
    to_child.put("end");
  }
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace troupe::link

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  for (const bool shared_memory : {true, false}) {
    for (const bool checksums : {true, false}) troupe::link::measure({shared_memory, checksums}, seconds);
  }
}
