// What the actors cost: CPU a step outside the device, at growing batches, with and without recording, where the
// planners ask a policy actor before each step, and a block actor's life.
//
// The device answers at once and computes nothing, so that all CPU time is the actors': planning, messages, blocks,
// text. Printed are CPU times of the whole process (getrusage), which other load on the machine disturbs less than wall
// time.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/messages/trace_table.hpp"
#include "actors/policies/fcfs_prompts.hpp"
#include "actors/policies/newest_first.hpp"
#include "actors/pool/pool.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/request/request.hpp"
#include "actors/router/policy_actor.hpp"
#include "actors/router/router.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/exec/system.hpp"

namespace troupe {
namespace {

constexpr std::int32_t kPromptTokens = 32;

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Samples token 5 for everyone, at once.
class NullDevice final : public device::Device {
 public:
  explicit NullDevice(std::int64_t blocks) {
    info_.name = "null";
    info_.kv = {.layers = 1, .kv_heads = 1, .head_dim = 1, .blocks = blocks, .dtype = kernels::DType::kF32};
    info_.vocab_size = 4096;
    info_.max_positions = 1 << 20;
  }
  const device::DeviceInfo& info() const override { return info_; }
  std::span<std::byte> kv_slab() override { return {}; }
  void start(std::shared_ptr<const device::Step> step, std::shared_ptr<device::StepObserver> observer) override {
    device::StepResult result;
    result.id = step->id;
    result.sequences.resize(step->sequences.size());
    for (std::size_t i = 0; i < step->sequences.size(); ++i) {
      result.sequences[i].request = step->sequences[i].request;
      if (step->sequences[i].sample) result.sequences[i].token = 5;
    }
    steps.fetch_add(1, std::memory_order_relaxed);
    observer->finished(std::move(result));
  }
  std::atomic<std::int64_t> steps{0};

 private:
  device::DeviceInfo info_;
};

class Sink final : public exec::Actor<RequesterActor::base> {
 public:
  Sink(caf::actor_config& config, std::shared_ptr<std::atomic<int>> ended) : Actor(config), ended_(std::move(ended)) {}
  RequesterActor::behavior_type make_behavior() override {
    return {[](const TokensGenerated&) {}, [](const PromptScored&) {},
            [this](const RequestEnded&) {
              ended_->fetch_add(1);
              quit();
            }};
  }

 private:
  std::shared_ptr<std::atomic<int>> ended_;
};

/// The planners' own rules, asked for as policies.
policies::MachinePolicies own_rules_asked() {
  return {std::make_shared<policies::FcfsPrompts>(), std::make_shared<policies::NewestFirst>(), nullptr};
}

/// CPU microseconds a step of `running` sequences that decode `tokens` tokens each.
double step_cost(const std::shared_ptr<const model::Tokenizer>& tokenizer, int running, std::int32_t tokens,
                 policies::MachinePolicies policies = {}) {
  exec::NodeConfig config;
  caf::actor_system system(config);
  const auto device = std::make_shared<NullDevice>(std::int64_t{running} * ((kPromptTokens + tokens) / 16 + 2));
  const auto ended = std::make_shared<std::atomic<int>>(0);
  const RoutingPolicyActor policy = system.spawn<RoutingPolicyHost>(
      std::shared_ptr<policies::RoutingPolicy>(policies::make_routing_policy("splitwise").value()));
  const RouterActor router = system.spawn<Router>(RouterLimits{running + 1}, policy);
  const DeadlinesActor deadlines = system.spawn<Deadlines>();
  MachineSpec machine;
  machine.name = "m0";
  machine.device = device;
  machine.token_limits.max_running = running;
  machine.policies = std::move(policies);
  const SupervisorActor supervisor = system.spawn<Supervisor>(router, std::vector<MachineSpec>{machine});
  caf::scoped_actor self{system};
  self->request(supervisor, caf::infinite, QueryCluster{})
      .receive([](const ClusterState&) {}, [](caf::error&) { std::abort(); });

  const auto sampling = std::make_shared<const device::SamplingSpec>();
  for (int i = 0; i < running; ++i) {
    auto spec = std::make_shared<RequestSpec>();
    spec->id = RequestId{static_cast<std::uint64_t>(i) + 1};
    spec->prompt.assign(kPromptTokens, 7);
    spec->max_tokens = tokens;
    spec->sampling = sampling;
    const RequesterActor sink = system.spawn<Sink>(ended);
    system.spawn<Request>(std::move(spec), sink, RequestPeers{router, deadlines, tokenizer});
  }
  // The middle half of the run, when all have begun and none has ended.
  const std::int64_t from = tokens / 4, to = tokens * 3 / 4;
  while (device->steps.load(std::memory_order_relaxed) < from)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::int64_t first = device->steps.load();
  const double cpu = cpu_us();
  while (device->steps.load(std::memory_order_relaxed) < to) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double cost = (cpu_us() - cpu) / static_cast<double>(device->steps.load() - first);
  while (ended->load() < running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (const auto& actor : {caf::actor_cast<caf::actor>(supervisor), caf::actor_cast<caf::actor>(router),
                            caf::actor_cast<caf::actor>(deadlines)})
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  return cost;
}

class Holder final : public exec::Actor<LeaseHolderActor::base> {
 public:
  Holder(caf::actor_config& config, PoolActor pool, int lives, std::int32_t blocks,
         std::shared_ptr<std::atomic<bool>> done)
      : Actor(config), pool_(std::move(pool)), left_(lives), blocks_(blocks), done_(std::move(done)) {}
  LeaseHolderActor::behavior_type make_behavior() override {
    next();
    return {[this](BlocksReserved& reserved) {
              send(pool_, CommitBlocks{std::move(reserved.blocks)});
              send(pool_, ReleaseBlocks{RequestId{1}});
              if (--left_ > 0) {
                next();
              } else {
                done_->store(true);
                quit();
              }
            },
            [this](const BlocksRefused&) {}, [this](const BlocksAvailable&) { next(); }};
  }
  void on_exit() override { pool_ = nullptr; }

 private:
  void next() { send(pool_, ReserveBlocks{RequestId{1}, 1, blocks_, LeaseHolderActor{this}}); }
  PoolActor pool_;
  int left_;
  std::int32_t blocks_;
  std::shared_ptr<std::atomic<bool>> done_;
};

/// CPU microseconds for one life of a block: reserved, committed, released, free.
double block_cost() {
  constexpr int kLives = 20'000;
  constexpr std::int32_t kBlocks = 8;
  exec::NodeConfig config;
  caf::actor_system system(config);
  const PoolActor pool = system.spawn<Pool>(4 * kBlocks);
  const auto done = std::make_shared<std::atomic<bool>>(false);
  const double cpu = cpu_us();
  system.spawn<Holder>(pool, kLives, kBlocks, done);
  while (!done->load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double cost = (cpu_us() - cpu) / (static_cast<double>(kLives) * kBlocks);
  caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  return cost;
}

int run(const std::string& checkpoint, const std::vector<int>& batches) {
  const auto tokenizer = model::Tokenizer::load(checkpoint);
  if (!tokenizer.ok()) {
    std::fprintf(
        stderr,
        "%s\nusage: actors_benchmark [CHECKPOINT [RUNNING...]]     (default: tools/demo_model/checkpoint, and 1 "
        "to 256 running sequences)\n",
        tokenizer.error().message.c_str());
    return 66;
  }
  register_traced_messages();
  trace::FlightRecorder recorder(1 << 16);
  const double block = block_cost();
  std::printf("a block's life (reserve, commit, release): %.2f us of CPU\n\n", block);
  std::printf("%8s  %22s  %22s  %9s  %22s  %22s\n", "running", "CPU us a step, quiet", "CPU us a step, recorded",
              "recording", "CPU us, policies asked", "of which block actors");
  for (const int running : batches) {
    const std::int32_t tokens = std::clamp(64'000 / running, 800, 8000);
    double quiet = 1e30, recorded = 1e30, asked = 1e30;
    for (int repeat = 0; repeat < 3; ++repeat) {
      quiet = std::min(quiet, step_cost(*tokenizer, running, tokens));
      asked = std::min(asked, step_cost(*tokenizer, running, tokens, own_rules_asked()));
      trace::install(&recorder);
      recorded = std::min(recorded, step_cost(*tokenizer, running, tokens));
      trace::install(nullptr);
    }
    // Each sequence takes a block every 16 steps.
    const double blocks = running / 16.0 * block;
    std::printf("%8d  %22.1f  %22.1f  %+8.1f%%  %13.1f (%+.1f%%)  %13.2f us (%.1f%%)\n", running, quiet, recorded,
                (recorded / quiet - 1) * 100, asked, (asked / quiet - 1) * 100, blocks, blocks / quiet * 100);
  }
  return 0;
}

}  // namespace
}  // namespace troupe

int main(int argc, char** argv) {
  std::vector<int> batches;
  for (int i = 2; i < argc; ++i) batches.push_back(std::clamp(std::atoi(argv[i]), 1, 4096));
  if (batches.empty()) batches = {1, 8, 32, 64, 128, 256};
  return troupe::run(argc > 1 ? argv[1] : "tools/demo_model/checkpoint", batches);
}
