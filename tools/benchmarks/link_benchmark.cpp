// How fast KV blocks travel between two processes of this host, beside what UCX's own ucx_perftest reaches over the
// same transport, and memcpy without any, in the same run.
//
// usage: link_benchmark [seconds for each row, 0.5 by default [shm or tcp]]
//
// A row is one size of transfer: blocks scattered over the sender's slab to blocks scattered over the receiver's, from
// the push to the arrival (announced back over a pipe). "one" has one transfer under way after the other; "window"
// hands the link many at once, as ucx_perftest does. ucx_perftest sends one buffer, which stays in the cache, into
// another; a transfer reads and writes 80 MiB slabs, which do not, and in between lies a copy more. "memcpy" is one
// thread's copy of the same scattered blocks from slab to slab.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
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
  /// In one write, so that two threads may.
  void put(const std::string& text) {
    const std::uint64_t length = text.size();
    std::string message(reinterpret_cast<const char*>(&length), sizeof length);
    message += text;
    CHECK(::write(ends[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()));
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
    link->on_word([&out](PeerId, const std::string& word) { out.put(word); });
    peer = link->add_peer(in.get()).value();
    if (setting.shared_memory) link->hear(peer, in.get());
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

/// The receiving process: for each ticket that it is told of, a landing; "open", and later the outcome.
void receive(const Setting& setting, Pipe& out, Pipe& in) {
  Node node(setting, out, in);
  for (std::string order = in.get(); order != "end" && !order.empty(); order = in.get()) {
    const std::size_t space = order.find(' ');
    const Ticket ticket{1, std::stoull(order)};
    const auto blocks = static_cast<std::uint32_t>(std::stoul(order.substr(space)));
    node.link->open_landing({ticket, node.peer, node.slab, scattered(blocks, 7)}, [&](const Result<Arrival>& arrival) {
      out.put(arrival.ok() ? "arrived" : arrival.error().message);
    });
    // Nobody has that number: `done` is called when the link has heard of the landing.
    node.link->drop_peer(PeerId{~std::uint64_t{0}}, [&] { out.put("open"); });
  }
}

/// CPU seconds that a process has used.
double cpu_seconds(pid_t process) {
  clockid_t clock = 0;
  CHECK(::clock_getcpuclockid(process, &clock) == 0);
  timespec used{};
  CHECK(::clock_gettime(clock, &used) == 0);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

struct Rate {
  double gigabytes_per_second;
  double cpu_per_gigabyte;  ///< seconds, of all processes: what is left to compare by on a loaded host
};

class Sender {
 public:
  Sender(Node& node, pid_t receiver, Pipe& out, Pipe& in) : node_(node), receiver_(receiver), out_(out), in_(in) {}

  Rate measure(std::size_t bytes, std::size_t at_once, double seconds) {
    const Shape shape = shape_of(bytes);
    double busy = 0;
    double cpu = 0;
    std::size_t sent = 0;
    do {
      const std::uint64_t first = last_ticket_ + 1;
      for (std::size_t i = 0; i < at_once; ++i) {
        out_.put(std::to_string(++last_ticket_) + " " + std::to_string(shape.blocks));
      }
      expect("open", at_once);
      const bool whole = shape.layers == kLayout.layers;
      const double cpu_before = cpu_seconds(receiver_) + cpu_seconds(0);
      const auto start = Clock::now();
      push(first, shape, 0, shape.layers, whole);
      if (whole) expect("arrived", at_once);
      busy += std::chrono::duration<double>(Clock::now() - start).count();
      cpu += cpu_seconds(receiver_) + cpu_seconds(0) - cpu_before;
      sent += bytes * at_once;
      if (!whole) {  // what a landing needs beyond the measured layers comes after the clock has stopped
        push(first, shape, shape.layers, static_cast<std::int32_t>(kLayout.layers) - shape.layers, true);
        expect("arrived", at_once);
      }
    } while (busy < seconds);
    const double gigabytes = static_cast<double>(sent) * 1e-9;
    return {gigabytes / busy, cpu / gigabytes};
  }

 private:
  void expect(const std::string& what, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      const std::string heard = in_.get();
      CHECK(heard == what, heard, what);
    }
  }
  /// Pushes under all tickets from `first` on; returns when all are with the receiver.
  void push(std::uint64_t first, const Shape& shape, std::int32_t first_layer, std::int32_t layers, bool last) {
    std::promise<void> done;
    std::atomic<std::uint64_t> open = last_ticket_ + 1 - first;
    for (std::uint64_t ticket = first; ticket <= last_ticket_; ++ticket) {
      node_.link->push(node_.peer,
                       {{1, ticket}, node_.slab, scattered(shape.blocks, 3), 0, first_layer, layers, last, {}},
                       [&](Result<Pushed> result) {
                         CHECK(result.ok(), result.error().message);
                         if (--open == 0) done.set_value();
                       });
    }
    done.get_future().wait();
  }

  Node& node_;
  const pid_t receiver_;
  Pipe& out_;
  Pipe& in_;
  std::uint64_t last_ticket_ = 0;
};

Rate measure_memcpy(double seconds) {
  std::vector<std::byte> from(kLayout.slab_bytes(), std::byte{1});
  std::vector<std::byte> to(kLayout.slab_bytes(), std::byte{2});
  const std::size_t unit = kLayout.layer_block_bytes();
  const std::size_t units = from.size() / unit;
  const double cpu_before = cpu_seconds(0);
  const auto start = Clock::now();
  double busy = 0;
  std::size_t copied = 0;
  while (busy < seconds) {
    for (std::size_t i = 0; i < units; ++i) {
      std::memcpy(to.data() + i * 7 % units * unit, from.data() + i * 3 % units * unit, unit);
    }
    copied += from.size();
    busy = std::chrono::duration<double>(Clock::now() - start).count();
  }
  const double gigabytes = static_cast<double>(copied) * 1e-9;
  return {gigabytes / busy, (cpu_seconds(0) - cpu_before) / gigabytes};
}

/// ucx_perftest's overall bandwidth, or 0 where it cannot be had.
double perftest(bool shared_memory, const char* what, std::size_t bytes) {
  static int port = 22000 + static_cast<int>(::getpid() % 400);
  ++port;
  const std::string environment = std::string("UCX_LOG_LEVEL=fatal UCX_TLS=") + (shared_memory ? "posix" : "tcp") +
                                  " UCX_NET_DEVICES=" + (shared_memory ? "memory" : "lo") +
                                  (shared_memory ? " UCX_POSIX_ERROR_HANDLING=y" : "");
  const std::string rounds = std::to_string(std::clamp<std::size_t>((256 << 20) / bytes, 8, 2000));
  const std::string command = environment + " timeout 60 ucx_perftest -p " + std::to_string(port) +
                              " >/dev/null 2>&1 & sleep 1; " + environment + " timeout 60 ucx_perftest -p " +
                              std::to_string(port) + " 127.0.0.1 -e -f -w 2 -t " + what + " -s " +
                              std::to_string(bytes) + " -n " + rounds + " 2>/dev/null | tail -1; wait";
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
    Sender sender(node, child, to_child, from_child);
    for (const auto& [bytes, at_once] :
         {std::pair<std::size_t, std::size_t>{64 << 10, 64}, {1 << 20, 32}, {16 << 20, 8}, {64 << 20, 4}}) {
      static_cast<void>(sender.measure(bytes, 1, 0));  // touches the pages
      const auto [one, one_cpu] = sender.measure(bytes, 1, seconds);
      const auto [window, window_cpu] = sender.measure(bytes, at_once, seconds);
      std::printf("%-13s checksums %-3s %6zu KiB  one %5.2f window %5.2f GB/s (%.2f, %.2f CPU s/GB)",
                  setting.shared_memory ? "shared memory" : "tcp lo", setting.checksums ? "on" : "off", bytes >> 10,
                  one, window, one_cpu, window_cpu);
      std::fflush(stdout);
      for (const char* what : {"ucp_am_bw", "ucp_put_bw"}) {
        const double theirs = perftest(setting.shared_memory, what, bytes);
        if (theirs > 0)
          std::printf("   %s %5.2f (one %.2f, window %.2f of it)", what, theirs, one / theirs, window / theirs);
      }
      const auto [copied, copied_cpu] = measure_memcpy(seconds / 4);
      std::printf("   memcpy %.2f (%.2f CPU s/GB)\n", copied, copied_cpu);
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
  const std::string only = argc > 2 ? argv[2] : "";
  for (const bool shared_memory : {true, false}) {
    if (only == (shared_memory ? "tcp" : "shm")) continue;
    for (const bool checksums : {true, false}) troupe::link::measure({shared_memory, checksums}, seconds);
  }
}
