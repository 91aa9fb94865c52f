// What the router's policy sees: every request a picture of all that went before it, whether it was drawn anew or
// brought up to date.
#include <gmock/gmock.h>
#include <caf/send.hpp>

#include "actors/router/router.hpp"
#include "runtime/exec/system.hpp"

namespace troupe {
namespace {

using policies::RoutingSnapshot;
using testing::ElementsAre;

/// Sends each request to the machine that the test chose, and keeps what it saw: the snapshot itself where it is to
/// outlive the decision, a copy elsewhere.
struct Seen {
  bool keeps = false;
  MachineId chosen{0};
  std::vector<std::shared_ptr<const RoutingSnapshot>> snapshots;
};

class Watcher final : public exec::Actor<RoutingPolicyActor::base> {
 public:
  Watcher(caf::actor_config& config, std::shared_ptr<Seen> seen) : Actor(config), seen_(std::move(seen)) {}
  RoutingPolicyActor::behavior_type make_behavior() override {
    return {[this](const DecideRoute& ask) {
      seen_->snapshots.push_back(seen_->keeps ? ask.snapshot : std::make_shared<RoutingSnapshot>(*ask.snapshot));
      auto decision = std::make_shared<policies::RoutingDecision>();
      decision->prompt_machine = decision->token_machine = seen_->chosen;
      send(ask.reply_to, RouteDecided{ask.snapshot->request, ask.snapshot->attempt, std::move(decision)});
    }};
  }

 private:
  std::shared_ptr<Seen> seen_;
};

class RouterSnapshot : public testing::Test {
 protected:
  RouterSnapshot() {
    const RoutingPolicyActor policy = system.spawn<Watcher>(seen);
    router = system.spawn<Router>(RouterLimits{}, policy);
    for (std::uint32_t i = 0; i < 3; ++i) join(i, 100);
  }
  void join(std::uint32_t id, std::int64_t blocks) {
    MachineJoined joined;
    joined.machine = MachineId{id};
    joined.kv = {.layers = 1, .kv_heads = 1, .head_dim = 1, .blocks = blocks, .dtype = kernels::DType::kF32};
    tell(std::move(joined));
  }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(router, std::move(message));
    system.settle();
  }
  /// What the policy saw of a request of so many prompt tokens, which then went to `machine`.
  const RoutingSnapshot& ask(std::int32_t prompt_tokens, std::uint32_t machine, std::vector<MachineId> avoid = {}) {
    seen->chosen = MachineId{machine};
    tell(RouteRequest{RequestId{++requests}, prompt_tokens, 10, 0, RoutedActor{}, std::move(avoid)});
    return *seen->snapshots.back();
  }
  static std::vector<std::int64_t> pending(const RoutingSnapshot& snapshot) {
    std::vector<std::int64_t> all;
    for (const auto& machine : snapshot.machines) all.push_back(machine.pending_prompt_tokens);
    return all;
  }

  exec::VirtualSystem system;
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  RouterActor router;
  std::uint64_t requests = 0;
};

TEST_F(RouterSnapshot, ShowsWhatEarlierRequestsGaveToMachinesAndTookFromThem) {
  EXPECT_THAT(pending(ask(30, 1)), ElementsAre(0, 0, 0));
  EXPECT_THAT(pending(ask(40, 2)), ElementsAre(0, 30, 0));
  tell(PromptPhaseDone{RequestId{1}, 0});
  const auto& third = ask(50, 1);
  EXPECT_THAT(pending(third), ElementsAre(0, 0, 40));
  EXPECT_EQ(third.machines.at(1).running, 1);
  EXPECT_EQ(third.request, RequestId{3});
  EXPECT_EQ(third.prompt_tokens, 50);
  tell(RequestLeft{RequestId{2}, 0});
  EXPECT_THAT(pending(ask(1, 0)), ElementsAre(0, 50, 0));
}

TEST_F(RouterSnapshot, WhoKeepsOneKeepsItAsItWas) {
  seen->keeps = true;
  ask(30, 1);
  ask(40, 1);
  EXPECT_THAT(pending(*seen->snapshots.at(0)), ElementsAre(0, 0, 0));
  EXPECT_THAT(pending(*seen->snapshots.at(1)), ElementsAre(0, 30, 0));
}

TEST_F(RouterSnapshot, ShowsMachinesThatCameLeftAndDrain) {
  ask(30, 1);
  join(3, 100);
  EXPECT_THAT(pending(ask(40, 3)), ElementsAre(0, 30, 0, 0));
  tell(MachineLeft{MachineId{1}});
  EXPECT_THAT(pending(ask(1, 0)), ElementsAre(0, 0, 40));
  tell(MachineChanged{MachineId{0}, policies::Role::kPrompt, true, policies::Role::kPrompt});
  EXPECT_THAT(pending(ask(1, 2)), ElementsAre(0, 40));
  tell(MachineChanged{MachineId{0}, policies::Role::kPrompt, false, policies::Role::kPrompt});
  EXPECT_EQ(ask(1, 2).machines.at(0).role, policies::Role::kPrompt);
}

TEST_F(RouterSnapshot, LeavesOutWhatIsTooSmallOrAvoidedForThatRequestAlone) {
  join(3, 1000);
  ask(30, 1);
  EXPECT_THAT(pending(ask(5000, 3)), ElementsAre(0));
  EXPECT_THAT(pending(ask(10, 0, {MachineId{1}})), ElementsAre(0, 0, 5000));
  EXPECT_THAT(pending(ask(10, 0)), ElementsAre(10, 30, 0, 5000));
}

TEST_F(RouterSnapshot, ShowsFreeKvAsLastHeardHoweverOftenThatIs) {
  ask(30, 1);
  for (std::int64_t i = 0; i < 50; ++i) tell(KvRoomHeard{MachineId{2}, i});
  const auto& snapshot = ask(1, 0);
  EXPECT_EQ(snapshot.machines.at(2).kv_free, 49);
  EXPECT_FALSE(snapshot.machines.at(0).kv_free.has_value());
  EXPECT_THAT(pending(snapshot), ElementsAre(0, 30, 0));
}

}  // namespace
}  // namespace troupe
