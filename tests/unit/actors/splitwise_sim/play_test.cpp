#include "actors/splitwise_sim/engine.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "runtime/perf/hardware.hpp"

namespace troupe::splitwise_sim {
namespace {

constexpr double kSame = 1e-9;  // the expected figures have nine decimals

struct Expected {
  double queue, ttft, e2e, gap;
};

MachineSpec machine(const std::string& hardware, Place home, const std::string& model = "bloom-176b") {
  const auto kind = perf::built_in_catalogue().find_hardware(hardware).value();
  const auto shape = perf::built_in_catalogue().find_model(model).value();
  const auto curves = perf::find_curves(perf::built_in_profile(), {kind, shape, 8}).value();
  return {hardware,
          hardware,
          home,
          {shape.weight_bytes, 8 * kind.memory_bytes, shape.kv_bytes_per_token_of_all_heads()},
          std::make_shared<const perf::ProfileModel>(curves, perf::DecodePricing::kAsPublished)};
}

workload::Arrival arrival(double at, std::int32_t prompt, std::int32_t output) {
  return {std::chrono::nanoseconds(std::llround(at * 1e9)), prompt, output};
}

simulation::SimulationOutcome played(std::vector<MachineSpec> machines, const workload::Load& load) {
  return play({std::move(machines), &load}, {}).value();
}

void expect_requests(const simulation::SimulationOutcome& outcome, const std::vector<Expected>& expected) {
  ASSERT_EQ(outcome.requests.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& request = outcome.requests[i];
    EXPECT_EQ(request.status, simulation::RequestStatus::kFinished) << i;
    EXPECT_NEAR(request.queue_s, expected[i].queue, kSame) << i;
    EXPECT_NEAR(request.ttft_s, expected[i].ttft, kSame) << i;
    EXPECT_NEAR(request.e2e_s, expected[i].e2e, kSame) << i;
    EXPECT_NEAR(request.second_token_gap_s, expected[i].gap, kSame) << i;
  }
}

const workload::Load kTestTrace{arrival(1, 4096, 32), arrival(3, 2048, 8), arrival(4, 2048, 16)};

// The figures of these two are the authors' simulator's own (cases V1a and V1b).
TEST(Play, GivesTheAuthorsAnswersOnOneMachine) {
  expect_requests(
      played({machine("h100-80gb", Place::kMixed)}, kTestTrace),
      {{0, 0.649598277, 1.744742961, 0}, {0, 0.251964009, 0.499254745, 0}, {0, 0.251964009, 0.781872727, 0}});
}

TEST(Play, GivesTheAuthorsAnswersOnAPromptAndATokenMachine) {
  const auto outcome = played({machine("h100-80gb", Place::kPrompt), machine("a100-80gb", Place::kToken)}, kTestTrace);
  expect_requests(outcome, {{0, 0.649598277, 2.199226283, 0.0765625},
                            {0, 0.251964009, 0.622872954, 0.03828125},
                            {0, 0.251964009, 1.003018891, 0.03828125}});
  EXPECT_EQ(outcome.requests[0].prompt_machine, 0);
  EXPECT_EQ(outcome.requests[0].token_machine, 1);
  EXPECT_NEAR(outcome.requests[0].transfer_s, 0.0765625, kSame);
}

// The figures of the others come from a second program that follows the published rules with Python's own heap.
TEST(Play, SetsDecodesAsideForLongPrompts) {
  workload::Load load{arrival(0.1, 512, 40), arrival(0.2, 512, 40), arrival(0.9, 3000, 20)};
  for (int i = 0; i < 5; ++i) load.push_back(arrival(1.0 + 0.1 * i, 2000, 20));
  load.push_back(arrival(1.5, 1000, 5));
  const auto outcome = played({machine("h100-80gb", Place::kMixed)}, load);
  expect_requests(outcome, {{0, 0.076141804, 3.229315335, 0},
                            {0.011469052, 0.095345510, 3.199999027, 0},
                            {0.031294365, 0.468096178, 2.429315335, 0},
                            {0.368096178, 0.639468037, 2.364658803, 0},
                            {0.539468037, 0.810968530, 2.299999027, 0},
                            {0.710968530, 0.982597657, 2.235332763, 0},
                            {0.882597657, 1.154355419, 2.170663255, 0},
                            {1.054355419, 1.326241816, 2.105990503, 0},
                            {1.226241816, 1.369752928, 1.511165729, 0}});
  EXPECT_EQ(outcome.machines[0].preemptions, 2);
}

TEST(Play, DrawsMachinesIntoTheMixedPoolRetriesTransfersAndSendsThemHome) {
  const workload::Load load{arrival(0.0, 30000, 20), arrival(0.5, 30000, 40), arrival(0.6, 20000, 10),
                            arrival(0.7, 512, 10),   arrival(0.8, 512, 12),   arrival(0.9, 9000, 12),
                            arrival(1.0, 9000, 12)};
  const auto outcome = played({machine("h100-80gb", Place::kPrompt), machine("a100-80gb", Place::kToken)}, load);
  expect_requests(outcome, {{0.000000000, 4.578388543, 16.376376961, 3.010821571},
                            {4.078388543, 8.656777085, 18.070749026, 7.560760498},
                            {0.000000000, 6.989210113, 15.301187150, 0.000000000},
                            {6.889210113, 7.205958269, 15.248708348, 7.615053382},
                            {6.789210113, 7.105958269, 15.243749267, 7.615053382},
                            {7.005958269, 10.813484960, 15.143749267, 3.807526691},
                            {10.713484960, 14.521011651, 15.043749267, 0.000000000}});
  EXPECT_EQ(outcome.pool_moves, 2);
  EXPECT_EQ(outcome.pool_returns, 2);
}

TEST(Play, KeepsTheAuthorsOrderWhereTransfersEndAtOneInstant) {
  const workload::Load load{arrival(0.0, 512, 30), arrival(0.001, 512, 10), arrival(0.002, 512, 20),
                            arrival(0.003, 512, 30)};
  expect_requests(played({machine("h100-80gb", Place::kPrompt), machine("h100-80gb", Place::kToken)}, load),
                  {{0.000000000, 0.076141804, 1.110367751, 0.009570312},
                   {0.075141804, 0.267232307, 0.614708424, 0.029443296},
                   {0.074141804, 0.266232307, 0.967045783, 0.029443296},
                   {0.073141804, 0.265232307, 1.319331238, 0.029443296}});
}

TEST(Play, EndsARequestOfOneTokenWithItsPrompt) {
  const workload::Load load{arrival(0, 512, 1), arrival(1, 512, 2)};
  const auto outcome = played({machine("h100-80gb", Place::kPrompt), machine("h100-80gb", Place::kToken)}, load);
  EXPECT_DOUBLE_EQ(outcome.requests[0].e2e_s, outcome.requests[0].ttft_s);
  EXPECT_EQ(outcome.requests[0].token_machine, 0);
  EXPECT_EQ(outcome.requests[1].token_machine, 1);
}

TEST(Play, LeavesARequestThatFitsNoMachineUnfinished) {
  const workload::Load load{arrival(0, 200'000, 10), arrival(1, 512, 10)};
  const auto outcome = played({machine("h100-80gb", Place::kMixed), machine("h100-80gb", Place::kMixed)}, load);
  EXPECT_EQ(outcome.requests[0].status, simulation::RequestStatus::kUnfinished);
  EXPECT_EQ(outcome.requests[1].status, simulation::RequestStatus::kFinished);
}

TEST(Play, GivesTheSameAnswersTwice) {
  workload::Load load;
  for (int i = 0; i < 200; ++i) load.push_back(arrival(0.013 * i, 100 + 37 * (i % 50), 5 + i % 90));
  const std::vector<MachineSpec> machines{machine("h100-80gb", Place::kPrompt), machine("a100-80gb", Place::kToken),
                                          machine("a100-80gb", Place::kToken)};
  const auto once = played(machines, load), again = played(machines, load);
  for (std::size_t i = 0; i < load.size(); ++i) {
    EXPECT_EQ(once.requests[i].e2e_s, again.requests[i].e2e_s);
    EXPECT_EQ(once.requests[i].token_machine, again.requests[i].token_machine);
  }
}

TEST(Play, CountsWhatMachinesDid) {
  const auto outcome = played({machine("h100-80gb", Place::kMixed)}, kTestTrace);
  const auto& done = outcome.machines[0];
  EXPECT_EQ(done.prompt_tokens, 4096 + 2048 + 2048);
  EXPECT_EQ(done.output_tokens, 32 + 8 + 16);
  EXPECT_EQ(done.steps, 3 + 31 + 7 + 15);
  EXPECT_NEAR(done.busy_s, 1.744742961 + 0.499254745 + 0.781872727, 1e-8);
  EXPECT_NEAR(done.prompt_busy_s, 0.649598277 + 2 * 0.251964009, 1e-8);
  EXPECT_NEAR(done.kv_peak_bytes, 4'014'080.0 * (4097 + 31), 1);
  EXPECT_NEAR(outcome.end_s, 4.781872727, 1e-8);
}

TEST(Play, RefusesMixedMachinesBesideOthers) {
  const auto refused =
      play({{machine("h100-80gb", Place::kMixed), machine("h100-80gb", Place::kPrompt)}, &kTestTrace}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("1 prompt, 0 token and 1 mixed"), std::string::npos);
}

}  // namespace
}  // namespace troupe::splitwise_sim
