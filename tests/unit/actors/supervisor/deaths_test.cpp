// What the death of any one actor of a node means.
#include <gmock/gmock.h>

#include "actors/supervisor/node_watch.hpp"
#include "actors/supervisor/restart_waits.hpp"
#include "tests/unit/actors/supervisor/serving_fixture.hpp"
#include "tests/unit/tools/hunt/audience.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using hunt::Audience;
using policies::Role;
using testing::ElementsAre;
using testing::ElementsAreArray;

ServingOptions with(std::vector<Role> roles) {
  ServingOptions options;
  options.roles = std::move(roles);
  options.device.layers = 3;
  options.device.cost = [](const device::Step&) { return 1ms; };
  options.network.latency = 100us;
  return options;
}

std::vector<bool> alive(Serving& serving) {
  std::vector<bool> alive;
  for (const auto& machine : serving.state().machines) alive.push_back(machine.alive);
  return alive;
}

void expect_right(const Submitted& request) {
  ASSERT_EQ(request.answer->ends.size(), 1u);
  EXPECT_EQ(request.end().reason, FinishReason::kLength)
      << (request.end().error ? request.end().error->message : "no error");
  EXPECT_THAT(request.answer->tokens, ElementsAreArray(Serving::expected(*request.spec)));
}

TEST(Deaths, AllMachinesOfANodeAreLostWithItsHandOverActor) {
  Audience audience;
  Serving serving(with({Role::kPrompt, Role::kToken}));
  const auto request = serving.submit(Serving::spec(Serving::prompt(100, 1), 50));
  serving.system.run([&] { return request.answer->tokens.size() == 1; });
  ASSERT_TRUE(audience.end("hand_over"));
  serving.system.run();
  EXPECT_THAT(alive(serving), ElementsAre(false, false));
  ASSERT_EQ(request.answer->ends.size(), 1u);  // neither machine was there for it any more
  EXPECT_EQ(request.end().reason, FinishReason::kError);
}

TEST(Deaths, AllMachinesOfANodeAreLostWithTheStandInOfOneSoThatNobodyWaitsForIt) {
  Audience audience;
  Serving serving(with({Role::kPrompt, Role::kToken, Role::kPrompt}));
  std::vector<Submitted> requests;
  for (std::uint64_t i = 0; i < 4; ++i) requests.push_back(serving.submit(Serving::spec(Serving::prompt(200, i), 20)));
  serving.system.run([&] { return !requests[0].answer->tokens.empty(); });
  ASSERT_TRUE(audience.end("near_prompt"));
  serving.system.run();
  EXPECT_THAT(alive(serving), ElementsAre(false, false, false));
  for (const auto& request : requests) EXPECT_EQ(request.answer->ends.size(), 1u);
}

TEST(Deaths, AMachineIsLostWithAnyOfItsActorsAtAnyMoment) {
  for (const std::string name : {"kv_sender", "block", "pool", "gpu", "prompt", "token"}) {
    int ended = 0;
    for (std::uint64_t messages = 10; messages < 400; messages += 23) {
      SCOPED_TRACE(name + " after " + std::to_string(messages));
      Audience audience;
      Serving serving(with({Role::kPrompt, Role::kToken, Role::kPrompt, Role::kToken}));
      std::vector<Submitted> requests;
      for (std::uint64_t i = 0; i < 3; ++i)
        requests.push_back(serving.submit(Serving::spec(Serving::prompt(200, i), 5)));
      std::uint64_t left = messages;
      serving.system.run([&] { return left-- == 0; });
      const bool found = audience.end(name);
      ended += found ? 1 : 0;
      serving.system.run();
      for (const auto& request : requests) expect_right(request);
      const auto lives = alive(serving);
      EXPECT_EQ(std::count(lives.begin(), lives.end(), false), found ? 1 : 0);
      for (const auto& machine : serving.state().machines) {
        if (!machine.alive) continue;
        EXPECT_EQ(machine.blocks.leases, 0) << machine.name;
        EXPECT_EQ(machine.tokens.running + machine.tokens.waiting, 0) << machine.name;
      }
    }
    EXPECT_GT(ended, 0) << name;
  }
}

TEST(Deaths, ARequestThatDiesIsLetGoEverywhere) {
  int cut = 0;
  for (std::uint64_t messages = 1; messages < 160; messages += 3) {
    SCOPED_TRACE(messages);
    Serving serving(with({Role::kPrompt, Role::kToken}));
    const auto request = serving.submit(Serving::spec(Serving::prompt(100, 1), 30));
    std::uint64_t left = messages;
    serving.system.run([&] { return left-- == 0; });
    caf::anon_send_exit(request.actor, caf::exit_reason::unhandled_exception);
    serving.system.run();
    cut += request.answer->ends.empty() && request.answer->tokens.size() < 30 ? 1 : 0;
    serving.expect_all_blocks_free();
    caf::scoped_actor self{serving.system.actors()};
    auto asked = self->request(serving.router, caf::infinite, QueryLoad{});
    serving.system.settle();
    asked.receive(
        [](const LoadSnapshot& load) {
          for (const auto& machine : load.machines)
            EXPECT_EQ(machine.view.pending_tokens + machine.view.pending_prompt_tokens, 0) << machine.name;
        },
        [](caf::error&) { ADD_FAILURE() << "no answer"; });
  }
  EXPECT_GT(cut, 0);
}

TEST(Deaths, ASupervisorWithNothingElseToDoEndsWithTheLastOfItsMachinesAndTheNodeIsTold) {
  exec::VirtualSystem system;
  const auto machines_of = std::make_shared<MachineTap::Machines>();
  const auto router =
      system.spawn<Router>(RouterLimits{}, system.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(
                                               policies::make_routing_policy("splitwise").value())));
  std::vector<MachineSpec> machines(2);
  for (std::uint32_t i = 0; i < 2; ++i) {
    machines[i].id = MachineId{i};
    machines[i].device = std::make_shared<device::HashDevice>(device::HashDeviceOptions{.vocab_size = kLetters});
  }
  const MachineWatcherActor tap = system.spawn<MachineTap>(router, machines_of);
  const auto supervisor = system.spawn<Supervisor>(tap, machines, nullptr, NearWay{}, WhenEmpty::kEnd);
  std::vector<std::string> failed;
  const auto watch =
      system.spawn<NodeWatch>([&](const std::string& name, const std::string&) { failed.push_back(name); });
  caf::anon_send(watch, WatchVital{"router", router.address()});
  caf::anon_send(watch, WatchVital{"supervisor", supervisor.address()});
  system.settle();
  const auto end = [&](std::uint32_t machine) {
    caf::anon_send_exit(machines_of->at(MachineId{machine}).token.lock(), caf::exit_reason::unhandled_exception);
    system.settle();
  };
  end(1);
  EXPECT_THAT(failed, ElementsAre());
  end(0);
  EXPECT_THAT(failed, ElementsAre("supervisor"));
  caf::anon_send_exit(router, caf::exit_reason::kill);
  system.settle();
  EXPECT_THAT(failed, ElementsAre("supervisor"));  // once is enough
}

TEST(Deaths, ANodeIsToldOfAVitalActorThatWasGoneBeforeItCouldBeWatched) {
  exec::VirtualSystem system;
  auto router =
      system.spawn<Router>(RouterLimits{}, system.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(
                                               policies::make_routing_policy("splitwise").value())));
  const WatchVital vital{"router", router.address()};
  caf::anon_send_exit(router, caf::exit_reason::kill);
  router = nullptr;  // nothing is left of it but its address
  system.settle();
  std::vector<std::string> failed;
  const auto watch = system.spawn<NodeWatch>(
      [&](const std::string& name, const std::string& why) { failed.push_back(name + ": " + why); });
  caf::anon_send(watch, vital);
  caf::anon_send(watch, WatchVital{"supervisor", vital.actor});
  system.settle();
  EXPECT_THAT(failed, ElementsAre("router: it had ended before it was watched"));
}

TEST(RestartWaits, GrowWithEachEndUpToTheLongestAndBeginAnewAfterAHealthyLife) {
  RestartWaits waits;
  EXPECT_EQ(waits.after(0ms), 200ms);
  EXPECT_EQ(waits.after(29'999ms), 400ms);
  for (int i = 0; i < 10; ++i) waits.after(0ms);
  EXPECT_EQ(waits.after(0ms), 10'000ms);
  EXPECT_EQ(waits.after(30'000ms), 200ms);
}

}  // namespace
}  // namespace troupe
