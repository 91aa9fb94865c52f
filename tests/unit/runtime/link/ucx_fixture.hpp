// Two UCX links and what their tests wait for.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/link/ucx_link.hpp"
#include "runtime/link/ucx_worker.hpp"
#include "tests/unit/runtime/link/slab_fixture.hpp"

namespace troupe::link {

using namespace std::chrono_literals;

inline constexpr auto kPatience = 20s;

/// A callback's value, awaited; a second call of the callback fails the test.
template <class T>
class Heard {
 public:
  std::function<void(T)> callback() {
    return [state = state_](T value) {
      EXPECT_EQ(++state->calls, 1) << "a callback was called twice";
      if (state->calls == 1) state->promise.set_value(std::move(value));
    };
  }
  T get() {
    if (future_.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "nothing was heard";
      std::abort();
    }
    return future_.get();
  }

 private:
  struct State {
    std::promise<T> promise;
    std::atomic<int> calls = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::future<T> future_ = state_->promise.get_future();
};

/// Returns when the link's thread has done all that was asked of it before.
inline void settle(Link& link) {
  Heard<int> done;
  link.drop_peer(PeerId{~std::uint64_t{0}}, [heard = done.callback()] { heard(1); });
  done.get();
}

inline UcxOptions only(Transport transport) {
  UcxOptions options;
  options.shared_memory = transport == Transport::kSharedMemory;
  return options;
}

/// Links meet when both have heard each other's word.
inline void await_path(const Link& link, PeerId peer, Transport transport) {
  const char* expected = transport == Transport::kTcp ? "tcp lo" : "shared memory (posix)";
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (link.path(peer).transport != expected) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << link.path(peer).why;
    std::this_thread::yield();
  }
}

struct Node {
  TestSlab memory;
  std::unique_ptr<Link> link;
  SlabId slab;

  Node(const UcxOptions& options, std::int64_t blocks, std::int64_t layers = 3, std::int64_t head_dim = 64)
      : memory(blocks, layers, head_dim), link(std::move(start_ucx_link(options)).value()) {
    slab = link->add_slab(memory.memory, memory.layout);
  }
};

struct Pair {
  PeerId b_of_a;
  PeerId a_of_b;
};

/// Two nodes that know each other and are wired up both ways.
inline Pair introduce(const Node& a, const Node& b, Transport transport) {
  Pair pair;
  std::vector<std::string> said_by_a;
  std::vector<std::string> said_by_b;
  // First kept, as the control plane does until both sides know of the session.
  a.link->on_word([&](PeerId, std::string word) { said_by_a.push_back(std::move(word)); });
  b.link->on_word([&](PeerId, std::string word) { said_by_b.push_back(std::move(word)); });
  pair = {a.link->add_peer(b.link->address()).value(), b.link->add_peer(a.link->address()).value()};
  settle(*a.link);
  settle(*b.link);
  a.link->on_word([&b, of = pair.a_of_b](PeerId, std::string word) { b.link->hear(of, std::move(word)); });
  b.link->on_word([&a, of = pair.b_of_a](PeerId, std::string word) { a.link->hear(of, std::move(word)); });
  for (auto& word : said_by_a) b.link->hear(pair.a_of_b, std::move(word));
  for (auto& word : said_by_b) a.link->hear(pair.b_of_a, std::move(word));
  await_path(*a.link, pair.b_of_a, transport);
  await_path(*b.link, pair.a_of_b, transport);
  for (const auto& [link, peer] : {std::pair{a.link.get(), pair.b_of_a}, std::pair{b.link.get(), pair.a_of_b}}) {
    Heard<Result<Probe>> probed;
    link->probe(peer, probed.callback());
    const auto probe = probed.get();
    EXPECT_TRUE(probe.ok()) << probe.error().message;
  }
  return pair;
}

inline Push whole(const Node& node, Ticket ticket, std::vector<BlockId> blocks) {
  Push push;
  push.ticket = ticket;
  push.slab = node.slab;
  push.blocks = std::move(blocks);
  push.layers = static_cast<std::int32_t>(node.memory.layout.layers);
  push.last = true;
  return push;
}

inline std::string name_of(const testing::TestParamInfo<Transport>& info) {
  return info.param == Transport::kTcp ? "tcp" : "shared_memory";
}
}  // namespace troupe::link
