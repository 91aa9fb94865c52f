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
#include "runtime/exec/system.hpp"

namespace troupe {

inline constexpr std::int32_t kLetters = 26;

/// 'a' to 'z' are tokens 0 to 25.
inline std::shared_ptr<const model::Tokenizer> letters() {
  std::string vocab;
  for (char c = 'a'; c <= 'z'; ++c)
    vocab += (c == 'a' ? "\"" : ",\"") + std::string(1, c) + "\":" + std::to_string(c - 'a');
  return model::Tokenizer::parse(
             R"({"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel",)"
             R"("add_prefix_space":false,"trim_offsets":true,"use_regex":false},"post_processor":null,)"
             R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{)" +
                 vocab + R"(},"merges":[]}})",
             "letters")
      .value();
}

/// What came of a request, as its requester saw it.
struct Answer {
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<RequestEnded> ends;
  std::vector<PromptTimes> prompt_times;
  bool contiguous = true;
};

class Requester final : public exec::Actor<RequesterActor::base> {
 public:
  Requester(caf::actor_config& config, std::shared_ptr<Answer> answer) : Actor(config), answer_(std::move(answer)) {}
  RequesterActor::behavior_type make_behavior() override {
    return {[this](TokensGenerated& news) {
              answer_->contiguous &= news.first_index == static_cast<std::int32_t>(answer_->tokens.size());
              for (const auto& token : news.tokens) answer_->tokens.push_back(token.token);
              answer_->text += news.text;
              if (news.prompt_times) answer_->prompt_times.push_back(*news.prompt_times);
            },
            [](PromptScored&) {}, [this](RequestEnded& ended) { answer_->ends.push_back(std::move(ended)); }};
  }

 private:
  std::shared_ptr<Answer> answer_;
};

/// A request under way.
struct Submitted {
  std::shared_ptr<const RequestSpec> spec;
  RequestActor actor;
  RequesterActor requester;
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();

  bool ended() const { return !answer->ends.empty(); }
  const RequestEnded& end() const { return answer->ends.at(0); }
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
      spec.policies = options_.policies();
      machines.push_back(std::move(spec));
    }
    supervisor = system.spawn<Supervisor>(router, std::move(machines));
    system.settle();
  }

  /// A prompt of `length` letters that depend on `salt`.
  static std::vector<TokenId> prompt(std::int32_t length, std::uint64_t salt) {
    std::vector<TokenId> tokens;
    RandomStream random(salt);
    for (std::int32_t i = 0; i < length; ++i) tokens.push_back(static_cast<TokenId>(random.below(kLetters)));
    return tokens;
  }

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

  /// What the request must get: the hash of its prompt and its own tokens, whatever happened on the way.
  static std::vector<TokenId> expected(const RequestSpec& spec) {
    std::vector<TokenId> tokens = spec.prompt;
    for (std::int32_t i = 0; i < spec.max_tokens; ++i)
      tokens.push_back(device::HashDevice::next_token(tokens, *spec.sampling, kLetters));
    return {tokens.begin() + static_cast<std::ptrdiff_t>(spec.prompt.size()), tokens.end()};
  }

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
