// A peer in another process that is killed, or stopped and woken, while pieces travel both ways.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "runtime/link/node_address.hpp"
#include "tests/unit/runtime/link/ucx_fixture.hpp"

namespace troupe::link {
namespace {

void write_text(int fd, const std::string& text) {
  const std::uint64_t length = text.size();
  CHECK(::write(fd, &length, sizeof length) == sizeof length);
  CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string read_text(int fd) {
  std::uint64_t length = 0;
  CHECK(::read(fd, &length, sizeof length) == sizeof length);
  std::string text(length, '\0');
  for (std::size_t at = 0; at < length;) {
    const ssize_t got = ::read(fd, text.data() + at, length - at);
    CHECK(got > 0);
    at += static_cast<std::size_t>(got);
  }
  return text;
}

constexpr int kChildIn = 200;
constexpr int kChildOut = 201;

/// Not a test: the other process, which the test below starts from this program. It opens a landing, and sends without
/// end, until it is killed or loses its peer, which the control plane tells it (an order, for the next word).
TEST(DISABLED_OtherProcess, ReceivesAndSends) {
  const Transport transport = read_text(kChildIn) == "tcp" ? Transport::kTcp : Transport::kSharedMemory;
  Node node(only(transport), 256, 8);
  node.memory.fill(3);
  write_text(kChildOut, node.link->address());
  node.link->on_word([](PeerId, const std::string& word) { write_text(kChildOut, word); });
  const PeerId parent = node.link->add_peer(read_text(kChildIn)).value();
  if (transport == Transport::kSharedMemory) node.link->hear(parent, read_text(kChildIn));
  node.link->open_landing({{1, 1}, parent, node.slab, block_range(128, 128)}, [](auto) {});
  settle(*node.link);
  await_path(*node.link, parent, transport);
  write_text(kChildOut, "ready");
  std::thread orders([&] {
    EXPECT_EQ(read_text(kChildIn), "drop");
    node.link->drop_peer(parent, [] {});
  });
  for (std::uint64_t i = 0;; ++i) {
    Heard<Result<Pushed>> pushed;
    Push some = whole(node, {2, 2}, block_range(0, 128));
    some.last = false;
    node.link->push(parent, some, pushed.callback());
    if (!pushed.get().ok()) break;
  }
  write_text(kChildOut, "lost");
  orders.join();
  std::this_thread::sleep_for(kPatience);  // until it is killed
}

class KilledPeerTest : public testing::TestWithParam<Transport> {
 protected:
  void start() {
    int in[2];
    int out[2];
    CHECK(::pipe(in) == 0 && ::pipe(out) == 0);
    child = ::fork();
    if (child == 0) {
      ::dup2(in[0], kChildIn);
      ::dup2(out[1], kChildOut);
      ::execl("/proc/self/exe", "other_process", "--gtest_also_run_disabled_tests",
              "--gtest_filter=DISABLED_OtherProcess.*", nullptr);
      ::_exit(1);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_child = in[1];
    from_child = out[0];
  }
  /// The child's node, met as by the control plane.
  PeerId meet(Node& node) {
    write_text(to_child, GetParam() == Transport::kTcp ? "tcp" : "shm");
    const std::string address = read_text(from_child);
    link_of_child = decode_address(address).value().link_id;
    write_text(to_child, node.link->address());
    node.link->on_word([this](PeerId, const std::string& word) { write_text(to_child, word); });
    const PeerId peer = node.link->add_peer(address).value();
    if (GetParam() == Transport::kSharedMemory) node.link->hear(peer, read_text(from_child));
    return peer;
  }
  void kill_child() {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(to_child);
    ::close(from_child);
  }

  pid_t child = 0;
  std::uint64_t link_of_child = 0;
  int to_child = -1;
  int from_child = -1;
};

TEST_P(KilledPeerTest, LeavesTheOthersWorking) {
  start();
  Node node(only(GetParam()), 256, 8);
  Node friendly(only(GetParam()), 256, 8);
  node.memory.fill(4);
  const PeerId doomed = meet(node);
  Heard<Result<Arrival>> from_doomed;
  node.link->open_landing({{2, 2}, doomed, node.slab, block_range(128, 128)}, from_doomed.callback());
  EXPECT_EQ(read_text(from_child), "ready");
  await_path(*node.link, doomed, GetParam());
  std::vector<Heard<Result<Pushed>>> pushed(2000);  // far more than can be through before the kill
  for (auto& one : pushed) {
    Push some = whole(node, {1, 1}, block_range(0, 128));
    some.last = false;
    node.link->push(doomed, some, one.callback());
  }
  while (node.link->counters().bytes_received < (1 << 20)) std::this_thread::yield();
  kill_child();

  const auto pair = introduce(node, friendly, GetParam());
  const auto transfer = [&](Ticket ticket) {
    Heard<Result<Arrival>> arrived;
    friendly.link->open_landing({ticket, pair.a_of_b, friendly.slab, block_range(0, 128)}, arrived.callback());
    settle(*friendly.link);
    node.link->push(pair.b_of_a, whole(node, ticket, block_range(0, 128)), [](auto) {});
    const auto arrival = arrived.get();
    EXPECT_TRUE(arrival.ok());
  };
  transfer({3, 3});
  Heard<int> dropped;
  node.link->drop_peer(doomed, [done = dropped.callback()] { done(1); });
  dropped.get();
  EXPECT_EQ(from_doomed.get().error().code, ErrorCode::kUnavailable);
  int lost = 0;
  for (auto& one : pushed) lost += one.get().ok() ? 0 : 1;
  EXPECT_GT(lost, 0);
  transfer({4, 4});
}

TEST_P(KilledPeerTest, OneThatWakesAfterItWasGivenUpWritesNothing) {
  start();
  Node node(only(GetParam()), 256, 8);
  const PeerId doomed = meet(node);
  Heard<Result<Arrival>> from_doomed;
  node.link->open_landing({{2, 2}, doomed, node.slab, block_range(0, 256)}, from_doomed.callback());
  EXPECT_EQ(read_text(from_child), "ready");
  while (node.link->counters().bytes_received < (1 << 20)) std::this_thread::yield();
  ::kill(child, SIGSTOP);
  Heard<int> dropped;
  node.link->drop_peer(doomed, [done = dropped.callback()] { done(1); });
  dropped.get();
  EXPECT_EQ(from_doomed.get().error().code, ErrorCode::kUnavailable);
  // The blocks are somebody else's now.
  node.memory.fill(17);
  const auto theirs = node.memory.memory;
  const std::uint64_t received = node.link->counters().bytes_received;
  ::kill(child, SIGCONT);
  write_text(to_child, "drop");
  EXPECT_EQ(read_text(from_child), "lost");
  settle(*node.link);
  EXPECT_EQ(node.memory.memory, theirs);
  EXPECT_EQ(node.link->counters().bytes_received, received);
  kill_child();
}

/// Who dies beyond tcp is noticed by the link itself.
class KilledTcpPeerTest : public KilledPeerTest {};

TEST_P(KilledTcpPeerTest, BreaksOnceWhateverIsHeardOfItLater) {
  start();
  Node node(only(GetParam()), 8);
  Heard<PeerId> broken;
  node.link->on_broken([heard = broken.callback()](PeerId peer, const Error&) { heard(peer); });
  const PeerId doomed = meet(node);
  EXPECT_EQ(read_text(from_child), "ready");
  await_path(*node.link, doomed, GetParam());
  kill_child();
  EXPECT_EQ(broken.get(), doomed);
  for (int i = 0; i < 2; ++i) node.link->hear(doomed, encode(NodeAddress{.link_id = link_of_child}));
  settle(*node.link);
}

INSTANTIATE_TEST_SUITE_P(Over, KilledTcpPeerTest, testing::Values(Transport::kTcp), name_of);
INSTANTIATE_TEST_SUITE_P(Over, KilledPeerTest, testing::Values(Transport::kSharedMemory, Transport::kTcp), name_of);

}  // namespace
}  // namespace troupe::link
