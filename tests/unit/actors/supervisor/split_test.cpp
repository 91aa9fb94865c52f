// A request's two phases on two machines of one node.
#include <gmock/gmock.h>

#include "tests/unit/actors/supervisor/unruly_clients.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;
using testing::ElementsAreArray;

ServingOptions a_pair() {
  ServingOptions options;
  options.roles = {Role::kPrompt, Role::kToken};
  options.device.layers = 3;
  options.network.latency = 100us;
  return options;
}

void expect_right(const Submitted& request) {
  ASSERT_EQ(request.answer->ends.size(), 1u);
  EXPECT_EQ(request.end().reason, FinishReason::kLength)
      << (request.end().error ? request.end().error->message : "no error");
  EXPECT_TRUE(request.answer->contiguous);
  EXPECT_THAT(request.answer->tokens, ElementsAreArray(Serving::expected(*request.spec)));
}

TEST(Split, RunsThePromptOnOneMachineAndTheTokensOnTheOther) {
  auto options = a_pair();
  options.device.cost = [](const device::Step& step) { return step.sequences.front().tokens.size() > 1 ? 7ms : 1ms; };
  Serving serving(options);
  const auto before = serving.system.now();
  const auto request = serving.submit(Serving::spec(Serving::prompt(100, 1), 10));
  serving.system.run([&] { return !request.answer->tokens.empty(); });
  // The first token does not wait for the KV.
  EXPECT_EQ(serving.system.now() - before, 7ms);
  serving.system.run();
  expect_right(request);
  // One way of the link for each of the two pieces at the end, then nine steps.
  EXPECT_GE(serving.system.now() - before, 7ms + 100us + 9ms);
  serving.expect_all_blocks_free();
}

TEST(Split, LeavesThePromptMachineNothingToKeep) {
  auto options = a_pair();
  Serving serving(options);
  const auto request = serving.submit(Serving::spec(Serving::prompt(100, 1), 200));
  serving.system.run([&] { return request.answer->tokens.size() > 20; });
  const auto machines = serving.state().machines;
  EXPECT_EQ(machines[0].blocks.leases, 0);
  EXPECT_EQ(machines[1].blocks.leases, 1);
  EXPECT_EQ(machines[1].tokens.running, 1);
  serving.system.run();
  expect_right(request);
}

TEST(Split, ALinkThatTakesLongerThanThePromptIsWaitedForInFull) {
  auto options = a_pair();
  const double bytes = 7 * 3 * 128;  // 100 tokens in 7 blocks of 3 layers
  options.network.bytes_per_second = bytes / 30e-3;
  Serving serving(options);
  const auto before = serving.system.now();
  const auto request = serving.submit(Serving::spec(Serving::prompt(100, 1), 2));
  serving.system.run([&] { return request.ended(); });
  expect_right(request);
  EXPECT_GE(serving.system.now() - before, 30ms);
  EXPECT_LT(serving.system.now() - before, 32ms);
}

TEST(Split, APromptWhoseKvIsLostOnTheWayRunsAgain) {
  auto options = a_pair();
  options.network.fault = [](const link::Travelling& piece) {
    return link::Fault{piece.number == 0 ? link::Fault::Kind::kDrop : link::Fault::Kind::kDeliver, 0ns};
  };
  Serving serving(options);
  const auto request = serving.submit(Serving::spec(Serving::prompt(60, 1), 20));
  serving.system.run();
  expect_right(request);
  serving.expect_all_blocks_free();
}

TEST(Split, APromptWhoseKvIsDamagedRunsAgain) {
  auto options = a_pair();
  options.network.fault = [](const link::Travelling& piece) {
    return link::Fault{piece.number == 0 ? link::Fault::Kind::kCorrupt : link::Fault::Kind::kDeliver, 0ns};
  };
  Serving serving(options);
  const auto request = serving.submit(Serving::spec(Serving::prompt(60, 1), 20));
  serving.system.run();
  expect_right(request);
  serving.expect_all_blocks_free();
}

TEST(Split, ACancelledRequestLeavesNoBlockWhicheverMomentItComesAt) {
  for (std::uint64_t messages = 0; messages < 120; messages += 3) {
    SCOPED_TRACE(messages);
    Serving serving(a_pair());
    const auto request = serving.submit(Serving::spec(Serving::prompt(200, 1), 5));
    std::uint64_t left = messages;
    serving.system.run([&] { return left-- == 0; });
    caf::anon_send(request.actor, CancelCompletion{request.spec->id});
    serving.system.run();
    ASSERT_EQ(request.answer->ends.size(), 1u);
    serving.expect_all_blocks_free();
  }
}

TEST(Split, RequestsMoveWhenEitherMachineDiesAtAnyMoment) {
  for (const std::uint32_t victim : {0u, 1u, 2u, 3u}) {
    for (std::uint64_t messages = 5; messages < 160; messages += 5) {
      SCOPED_TRACE("machine " + std::to_string(victim) + " after " + std::to_string(messages));
      auto options = a_pair();
      options.roles = {Role::kPrompt, Role::kToken, Role::kPrompt, Role::kToken};
      Serving serving(options);
      std::vector<Submitted> requests;
      for (std::uint64_t i = 0; i < 3; ++i)
        requests.push_back(serving.submit(Serving::spec(Serving::prompt(200, i), 5)));
      std::uint64_t left = messages;
      serving.system.run([&] { return left-- == 0; });
      const auto& actors = serving.actors_of->at(MachineId{victim});
      if (const auto actor = (messages % 2 == 0 ? actors.prompt : actors.token).lock())
        caf::anon_send_exit(actor, caf::exit_reason::kill);
      serving.system.run();
      for (const auto& request : requests) expect_right(request);
      for (const auto& machine : serving.state().machines) {
        if (!machine.alive) continue;
        EXPECT_EQ(machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)], machine.blocks.total);
        EXPECT_EQ(machine.blocks.leases, 0) << machine.name;
      }
    }
  }
}

class SplitSeeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SplitSeeds, LoseRepeatAndChangeNothing) {
  RandomStream random(GetParam());
  auto options = a_pair();
  options.roles = {Role::kPrompt, Role::kToken, Role::kToken, Role::kPrompt, Role::kMixed};
  options.seed = GetParam();
  options.device.blocks = 24 + static_cast<std::int32_t>(random.below(60));
  options.max_batch_tokens = random.below(2) == 0 ? 48 : 2048;
  options.network.bytes_per_second = 1e6;
  options.network.fault = [faults = RandomStream(GetParam())](const link::Travelling&) mutable {
    if (faults.below(20) != 0) return link::Fault{};
    const link::Fault::Kind kinds[] = {link::Fault::Kind::kDrop, link::Fault::Kind::kCorrupt,
                                       link::Fault::Kind::kDuplicate, link::Fault::Kind::kDeliver};
    return link::Fault{kinds[faults.below(4)], std::chrono::microseconds(faults.below(3000))};
  };
  Serving serving(options);
  expect_served(serving, random, {.requests = 30, .longest_prompt = 250, .one_in_cancelled = 4});
}

INSTANTIATE_TEST_SUITE_P(Many, SplitSeeds, testing::Range<std::uint64_t>(1, 60));

}  // namespace
}  // namespace troupe
