// Production actors on the virtual scheduler, with hash devices for machines: what the actor tests run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/policies/routing_policy.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/request/request.hpp"
#include "actors/router/policy_actor.hpp"
#include "actors/router/router.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/device/hash_device.hpp"
#include "runtime/exec/later.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/link/local_link.hpp"
#include "tools/hunt/clients.hpp"

namespace troupe {

using hunt::Answer;
using hunt::kLetters;
using hunt::letters;
using hunt::Requester;
using hunt::Submitted;

/// Passes on to the router what the supervisor says of machines, and keeps where their actors are.
class MachineTap final : public exec::Actor<MachineWatcherActor::base> {
 public:
  /// A machine's actors that a test may end.
  struct Machine {
    caf::weak_actor_ptr prompt;
    caf::weak_actor_ptr token;
  };
  using Machines = std::map<MachineId, Machine>;

  MachineTap(caf::actor_config& config, RouterActor router, std::shared_ptr<Machines> machines)
      : Actor(config), router_(std::move(router)), machines_(std::move(machines)) {}
  MachineWatcherActor::behavior_type make_behavior() override {
    return {[this](MachineJoined& joined) {
              (*machines_)[joined.machine] = {caf::actor_cast<caf::weak_actor_ptr>(joined.prompt),
                                              caf::actor_cast<caf::weak_actor_ptr>(joined.token)};
              send(router_, std::move(joined));
            },
            [this](const MachineLeft& left) { send(router_, left); }};
  }
  void on_exit() override { router_ = nullptr; }

 private:
  RouterActor router_;
  std::shared_ptr<Machines> machines_;
};

struct ServingOptions {
  std::uint64_t seed = exec::VirtualScheduler::kInOrder;
  std::int32_t machines = 1;
  std::int32_t max_batch_tokens = 2048;
  std::int32_t prompt_tokens_beside_decodes = 512;
  TokenLimits token_limits = {};
  std::function<policies::MachinePolicies()> policies = [] { return policies::MachinePolicies{}; };
  RouterLimits router_limits = {};
  device::HashDeviceOptions device{.vocab_size = kLetters};
  std::vector<policies::Role> roles = {};  ///< of the machines, which then split requests; none: all are mixed
  link::LocalOptions network = {};         ///< between machines with roles; but for the clock
};

class Serving {
 public:
  explicit Serving(ServingOptions options = {}) : options_(std::move(options)), system(options_.seed) {
    policy = system.spawn<RoutingPolicyHost>(
        std::shared_ptr<policies::RoutingPolicy>(policies::make_routing_policy("splitwise").value()));
    router = system.spawn<Router>(options_.router_limits, policy);
    deadlines = system.spawn<Deadlines>();
    std::vector<MachineSpec> machines;
    NearWay near;
    if (!options_.roles.empty()) {
      options_.machines = static_cast<std::int32_t>(options_.roles.size());
      options_.network.later = exec::run_after(later);
      options_.network.now = [this] { return std::chrono::nanoseconds(system.now().time_since_epoch()); };
      near = {link::LocalNetwork::make(options_.network)->add_node(), NodeId{}, router};
    }
    for (std::int32_t i = 0; i < options_.machines; ++i) {
      MachineSpec spec;
      spec.id = MachineId{static_cast<std::uint32_t>(i)};
      spec.name = "m" + std::to_string(i);
      if (!options_.roles.empty()) spec.role = options_.roles[static_cast<std::size_t>(i)];
      spec.device = std::make_shared<device::HashDevice>(options_.device);
      spec.max_batch_tokens = options_.max_batch_tokens;
      spec.prompt_tokens_beside_decodes = options_.prompt_tokens_beside_decodes;
      spec.token_limits = options_.token_limits;
      spec.policies = options_.policies();
      machines.push_back(std::move(spec));
    }
    const MachineWatcherActor tap = system.spawn<MachineTap>(router, actors_of);
    supervisor = system.spawn<Supervisor>(tap, std::move(machines), nullptr, std::move(near));
    system.settle();
  }

  static std::vector<TokenId> prompt(std::int32_t length, std::uint64_t salt) { return hunt::prompt_of(length, salt); }

  static std::shared_ptr<RequestSpec> spec(std::vector<TokenId> prompt, std::int32_t max_tokens) {
    static std::uint64_t last = 0;
    auto spec = std::make_shared<RequestSpec>();
    spec->id = RequestId{++last};
    spec->prompt = std::move(prompt);
    spec->max_tokens = max_tokens;
    spec->sampling = std::make_shared<const device::SamplingSpec>();
    return spec;
  }

  Submitted submit(std::shared_ptr<const RequestSpec> spec) {
    Submitted request;
    request.spec = spec;
    request.requester = system.spawn<Requester>(request.answer);
    request.actor =
        system.spawn<Request>(std::move(spec), request.requester, RequestPeers{router, deadlines, tokenizer});
    return request;
  }

  static std::vector<TokenId> expected(const RequestSpec& spec) { return hunt::expected(spec); }

  ClusterState state() {
    caf::scoped_actor self{system.actors()};
    auto asked = self->request(supervisor, caf::infinite, QueryCluster{});
    system.settle();
    ClusterState state;
    asked.receive([&](const ClusterState& s) { state = s; }, [](caf::error&) { ADD_FAILURE() << "no answer"; });
    return state;
  }

  void expect_all_blocks_free() {
    for (const auto& machine : state().machines) {
      EXPECT_EQ(machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)], machine.blocks.total)
          << machine.name;
      EXPECT_EQ(machine.blocks.leases, 0) << machine.name;
      EXPECT_EQ(machine.prompts.waiting + machine.prompts.running + machine.tokens.waiting + machine.tokens.running, 0);
    }
  }

 private:
  ServingOptions options_;

 public:
  exec::VirtualSystem system;
  exec::LaterActor later = system.spawn<exec::Later>();
  std::shared_ptr<const model::Tokenizer> tokenizer = letters();
  std::shared_ptr<MachineTap::Machines> actors_of = std::make_shared<MachineTap::Machines>();
  RoutingPolicyActor policy;
  RouterActor router;
  DeadlinesActor deadlines;
  SupervisorActor supervisor;
};

}  // namespace troupe
