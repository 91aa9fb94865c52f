#include "runtime/exec/system.hpp"

#include <algorithm>

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include "runtime/base/check.hpp"

namespace troupe::exec {
namespace {

/// Carries the seed to the scheduler, which CAF makes with the actor system.
class VirtualConfig final : public caf::actor_system_config {
 public:
  explicit VirtualConfig(std::uint64_t scheduler_seed) : seed(scheduler_seed) {
    module_factories.push_back(
        [this](caf::actor_system& system) -> caf::actor_system::module* { return new VirtualScheduler(system, seed); });
  }
  std::uint64_t seed;
};

}  // namespace

NodeConfig::NodeConfig(std::size_t threads) {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", threads);
  set("scheduler.max-throughput", std::size_t{100});
}

VirtualSystem::VirtualSystem(std::uint64_t seed)
    : config_(std::make_unique<VirtualConfig>(seed)),
      system_(std::make_unique<caf::actor_system>(*config_)),
      scheduler_(&dynamic_cast<VirtualScheduler&>(system_->scheduler())) {}

VirtualSystem::~VirtualSystem() {
  for (const auto& weak : spawned_)
    if (const auto actor = weak.lock()) caf::anon_send_exit(actor, caf::exit_reason::kill);
  run();
  CHECK(system_->registry().running() == 0, system_->registry().running());
}

void VirtualSystem::settle() {
  while (scheduler_->run_one()) {
  }
}

bool VirtualSystem::run(const std::function<bool()>& until, std::size_t most) {
  for (std::size_t i = 0; i < most; ++i) {
    if (until && until()) return true;
    if (!scheduler_->run_one() && !scheduler_->advance()) return until && until();
  }
  return false;
}

bool VirtualSystem::run_some(std::size_t most) {
  for (std::size_t i = 0; i < most; ++i)
    if (!scheduler_->run_one() && !scheduler_->advance()) return true;
  return false;
}

void VirtualSystem::pass(std::chrono::nanoseconds time) {
  bool passed = false;
  settle();
  auto& clock = scheduler_->clock();
  const auto end = clock.now() + time;
  while (!passed) {
    // advance_time() delivers all that is due at once; in small steps, so that what follows from a message happens at
    // its time.
    const auto step = std::min<std::chrono::nanoseconds>(end - clock.now(), std::chrono::milliseconds{1});
    clock.advance_time(step);
    settle();
    passed = clock.now() >= end;
  }
}

std::chrono::steady_clock::time_point VirtualSystem::now() { return scheduler_->clock().now(); }

}  // namespace troupe::exec
