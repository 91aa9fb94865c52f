// Where actors live: the same actor classes on CAF's threads with the steady clock, or on one thread with a virtual
// clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "runtime/exec/virtual_scheduler.hpp"

namespace troupe::exec {

/// CAF's settings for a node. Policy "sharing" because stealing showed tails of 4 ms where cores are few; an actor
/// yields after 100 messages so that none waits long behind a busy one. One thread: a step's messages are many and
/// short, and on a second thread each costs a wake-up and a contended queue, 2.4 times the CPU in all
/// (tools/benchmarks/actors_benchmark). What takes long gets a thread of its own.
class NodeConfig : public caf::actor_system_config {
 public:
  explicit NodeConfig(std::size_t threads = 1);
};

/// A system of actors under a virtual clock, for tests and simulation. Not thread-safe: the caller's thread runs
/// everything.
class VirtualSystem {
 public:
  explicit VirtualSystem(std::uint64_t seed = VirtualScheduler::kInOrder);
  /// Stops what still lives, then checks that nothing is left.
  ~VirtualSystem();
  VirtualSystem(const VirtualSystem&) = delete;
  VirtualSystem& operator=(const VirtualSystem&) = delete;

  caf::actor_system& actors() { return *system_; }

  /// Spawns an actor that the destructor stops.
  template <class A, class... Args>
  auto spawn(Args&&... args) {
    auto actor = system_->spawn<A>(std::forward<Args>(args)...);
    spawned_.push_back(caf::actor_cast<caf::weak_actor_ptr>(actor));
    return actor;
  }

  /// Handles messages until no actor is ready; time stands still.
  void settle();
  /// Handles messages and lets time pass until nothing is ready or due, or `until` says that it is enough. Returns
  /// whether it was `until` that ended it; false as well after `most` messages, which a test should take for a
  /// live-lock.
  bool run(const std::function<bool()>& until = {}, std::size_t most = 50'000'000);
  /// Handles `most` messages at most, letting time pass between them. Whether nothing is ready or due any more.
  bool run_some(std::size_t most);
  /// Lets `time` pass.
  void pass(std::chrono::nanoseconds time);
  std::chrono::steady_clock::time_point now();

 private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  VirtualScheduler* scheduler_;
  std::vector<caf::weak_actor_ptr> spawned_;
};

}  // namespace troupe::exec
