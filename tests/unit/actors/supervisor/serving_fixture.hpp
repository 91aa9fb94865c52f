// Production actors on the virtual scheduler, with hash devices for machines: what the actor tests run.
#pragma once

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
#include "runtime/exec/system.hpp"
#include "tools/hunt/clients.hpp"

namespace troupe {

using hunt::Answer;
using hunt::kLetters;
using hunt::letters;
using hunt::Requester;
using hunt::Submitted;

struct ServingOptions {
  std::uint64_t seed = exec::VirtualScheduler::kInOrder;
  std::int32_t machines = 1;
  std::int32_t max_batch_tokens = 2048;
  std::int32_t prompt_tokens_beside_decodes = 512;
  TokenLimits token_limits = {};
  RouterLimits router_limits = {};
  device::HashDeviceOptions device{.vocab_size = kLetters};
};

class Serving {
 public:
  explicit Serving(ServingOptions options = {}) : options_(std::move(options)), system(options_.seed) {
    policy = system.spawn<RoutingPolicyHost>(
        std::shared_ptr<policies::RoutingPolicy>(policies::make_routing_policy("splitwise").value()));
    router = system.spawn<Router>(options_.router_limits, policy);
    deadlines = system.spawn<Deadlines>();
    std::vector<MachineSpec> machines;
    for (std::int32_t i = 0; i < options_.machines; ++i) {
      MachineSpec spec;
      spec.id = MachineId{static_cast<std::uint32_t>(i)};
      spec.name = "m" + std::to_string(i);
      spec.device = std::make_shared<device::HashDevice>(options_.device);
      spec.max_batch_tokens = options_.max_batch_tokens;
      spec.prompt_tokens_beside_decodes = options_.prompt_tokens_beside_decodes;
      spec.token_limits = options_.token_limits;
      machines.push_back(std::move(spec));
    }
    supervisor = system.spawn<Supervisor>(router, std::move(machines));
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
  std::shared_ptr<const model::Tokenizer> tokenizer = letters();
  RoutingPolicyActor policy;
  RouterActor router;
  DeadlinesActor deadlines;
  SupervisorActor supervisor;
};

}  // namespace troupe
