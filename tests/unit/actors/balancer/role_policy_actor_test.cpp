// The balancer and the actor of its role policy, with nothing else beside them: who asks, who answers, who ends.
#include <functional>
#include <utility>

#include <gmock/gmock.h>
#include <caf/send.hpp>

#include "actors/balancer/balancer.hpp"
#include "runtime/exec/system.hpp"
#include "tests/unit/tools/hunt/audience.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Says that there is one machine, which is for tokens.
class OneMachine final : public exec::Actor<RouterActor::base> {
 public:
  using Actor::Actor;
  RouterActor::behavior_type make_behavior() override {
    return {[](const RouteRequest&) {},
            [](const PromptPhaseDone&) {},
            [](const RequestLeft&) {},
            [](const AdoptRequest&) {},
            [](const MachineJoined&) {},
            [](const MachineLeft&) {},
            [](const MachineChanged&) {},
            [](const KvRoomHeard&) {},
            [](const LinkMeasured&) {},
            [](const RouteDecided&) {},
            [](const QueryLoad&) {
              LoadSnapshot load;
              auto& machine = load.machines.emplace_back();
              machine.name = "m";
              machine.view.id = MachineId{3};
              machine.view.role = machine.home = Role::kToken;
              return load;
            }};
  }
};

class Orders final : public exec::Actor<MachineOrdersActor::base> {
 public:
  Orders(caf::actor_config& config, std::vector<std::string>* seen) : Actor(config), seen_(seen) {}
  MachineOrdersActor::behavior_type make_behavior() override {
    return {[this](const ChangeMachines& change) { seen_->push_back(change.name + " by " + change.why); }};
  }

 private:
  std::vector<std::string>* seen_;
};

/// A balancer that looks once a second, the first time after a second. Each of its policies lends the machine to the
/// prompts at each look, and gives as the reason which policy it is and how many looks it has seen.
class Alone {
 public:
  Alone() {
    BalancerOptions options;
    options.interval = 1s;
    options.make_policy = [this] { return std::make_unique<Lending>(*this, ++made); };
    options.router = system.spawn<OneMachine>();
    options.orders = system.spawn<Orders>(&orders);
    options.tell = [](const std::string&, const std::string&, const std::string&) {};
    adjust = [](BalancerOptions&) {};
    options_ = std::move(options);
  }

  void start() {
    adjust(options_);
    balancer = system.spawn<Balancer>(std::exchange(options_, {}));
  }
  std::vector<caf::strong_actor_ptr> policies() const { return audience.players.named("role_policy"); }

  hunt::Audience audience;
  std::vector<std::string> orders;
  std::function<void(BalancerOptions&)> adjust;
  std::function<void()> while_deciding = [] {};
  int made = 0;
  exec::VirtualSystem system;
  BalancerActor balancer;

 private:
  class Lending final : public policies::RolePolicy {
   public:
    Lending(Alone& test, int number) : test_(test), number_(number) {}
    std::vector<policies::RoleChange> decide(const policies::RoleSnapshot& snapshot) override {
      test_.while_deciding();
      const auto words = "policy " + std::to_string(number_) + ", look " + std::to_string(++looks_);
      return {{snapshot.machines.at(0).id, Role::kPrompt, words}};
    }

   private:
    Alone& test_;
    int number_;
    int looks_ = 0;
  };

  BalancerOptions options_;
};

TEST(RolePolicyActor, keeps_its_memory_from_look_to_look) {
  Alone test;
  test.start();
  test.system.pass(2500ms);
  EXPECT_THAT(test.orders, ElementsAre("m by policy 1, look 1", "m by policy 1, look 2"));
  EXPECT_THAT(test.policies(), SizeIs(1));
}

TEST(RolePolicyActor, is_another_one_when_the_balancer_becomes_active_again_and_the_old_one_ends) {
  Alone test;
  test.start();
  test.system.pass(1500ms);
  const auto first = test.policies();
  ASSERT_THAT(first, SizeIs(1));
  caf::anon_send(test.balancer, BalancerActive{false});
  test.system.settle();
  EXPECT_THAT(test.policies(), IsEmpty());
  test.system.pass(2s);
  caf::anon_send(test.balancer, BalancerActive{true});
  test.system.pass(1s);
  EXPECT_THAT(test.orders, ElementsAre("m by policy 1, look 1", "m by policy 2, look 1"));
  ASSERT_THAT(test.policies(), SizeIs(1));
  EXPECT_NE(test.policies().front(), first.front());
}

TEST(RolePolicyActor, that_answers_when_the_balancer_is_not_active_any_more_changes_nothing) {
  Alone test;
  test.while_deciding = [&] { caf::anon_send(test.balancer, BalancerActive{false}); };
  test.start();
  test.system.pass(3500ms);
  EXPECT_EQ(test.made, 1);
  EXPECT_THAT(test.orders, IsEmpty());
}

TEST(RolePolicyActor, that_answers_when_another_one_has_taken_its_place_changes_nothing) {
  Alone test;
  test.while_deciding = [&] {
    if (test.made > 1) return;
    caf::anon_send(test.balancer, BalancerActive{false});
    caf::anon_send(test.balancer, BalancerActive{true});
  };
  test.start();
  test.system.pass(2500ms);
  EXPECT_THAT(test.orders, ElementsAre("m by policy 2, look 1"));
}

TEST(RolePolicyActor, that_ends_costs_looks_and_the_next_one_begins_without_its_memory) {
  for (const auto reason :
       {caf::exit_reason::kill, caf::exit_reason::unhandled_exception, caf::exit_reason::user_shutdown}) {
    Alone test;
    test.start();
    test.system.pass(2500ms);
    ASSERT_THAT(test.policies(), SizeIs(1));
    caf::anon_send_exit(test.policies().front(), reason);
    test.system.pass(1s);
    EXPECT_THAT(test.orders, ElementsAre("m by policy 1, look 1", "m by policy 1, look 2", "m by policy 2, look 1"));
  }
}

TEST(RolePolicyActor, that_cannot_be_made_is_tried_again_with_the_next_look) {
  Alone test;
  test.adjust = [&](BalancerOptions& options) {
    options.make_policy = [make = options.make_policy, tries = 0]() mutable { return ++tries < 3 ? nullptr : make(); };
  };
  test.start();
  test.system.pass(3500ms);
  EXPECT_THAT(test.orders, ElementsAre("m by policy 1, look 1"));
}

TEST(RolePolicyActor, is_not_made_where_the_balancer_does_not_act) {
  Alone test;
  test.adjust = [](BalancerOptions& options) { options.active = false; };
  test.start();
  test.system.pass(2500ms);
  EXPECT_EQ(test.made, 0);
}

TEST(RolePolicyActor, ends_with_its_balancer) {
  for (const auto reason : {caf::exit_reason::kill, caf::exit_reason::user_shutdown}) {
    Alone test;
    test.start();
    test.system.pass(1500ms);
    ASSERT_THAT(test.policies(), SizeIs(1));
    caf::anon_send_exit(test.balancer, reason);
    test.system.settle();
    EXPECT_THAT(test.policies(), IsEmpty());
  }
}

}  // namespace
}  // namespace troupe
