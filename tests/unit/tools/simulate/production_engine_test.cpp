// The production actors as `troupe simulate` runs them.
#include "tools/simulate/production_engine.hpp"

#include <algorithm>

#include <gmock/gmock.h>

#include "runtime/base/random.hpp"
#include "runtime/perf/performance_model.hpp"

namespace troupe::simulate {
namespace {

using namespace std::chrono_literals;
using simulation::RequestOutcome;
using simulation::RequestStatus;
using simulation::SimulationOutcome;
using testing::Each;
using testing::Field;
using testing::HasSubstr;

workload::Arrival arrival(std::chrono::nanoseconds at, std::int32_t prompt, std::int32_t output) {
  workload::Arrival all;
  all.at = at;
  all.prompt_tokens = prompt;
  all.output_tokens = output;
  return all;
}

/// So many requests of mixed lengths, `gap` apart on the mean.
workload::Load mixed_load(std::size_t count, std::chrono::nanoseconds gap) {
  workload::Load load;
  RandomStream random(3);
  std::chrono::nanoseconds at{};
  for (std::size_t i = 0; i < count; ++i) {
    load.push_back(arrival(at, 1 + static_cast<std::int32_t>(random.below(3000)),
                           1 + static_cast<std::int32_t>(random.below(60))));
    load.back().id = static_cast<std::int64_t>(1000 + i);
    at += std::chrono::nanoseconds(random.below(static_cast<std::uint64_t>(2 * gap.count())));
  }
  return load;
}

SimulationPlan plan_of(const std::string& machines, workload::Load load) {
  const auto& catalogue = perf::built_in_catalogue();
  SimulationPlan plan;
  plan.machines = parse_machines(machines, catalogue).value();
  plan.model = catalogue.find_model("bloom-176b").value();
  plan.policy = "splitwise";
  plan.load = std::move(load);
  return plan;
}

SimulationOutcome run(const SimulationPlan& plan) {
  auto outcome = production_engine(plan, {});
  EXPECT_TRUE(outcome.ok()) << outcome.error().message;
  return outcome.ok() ? *std::move(outcome) : SimulationOutcome{};
}

double seconds_on(const std::string& hardware, const perf::StepShape& step) {
  const auto& catalogue = perf::built_in_catalogue();
  const perf::Placement placement{catalogue.find_hardware(hardware).value(), catalogue.find_model("bloom-176b").value(),
                                  8};
  return perf::make_performance_model("profile", placement).value()->step_seconds(step);
}

TEST(ProductionEngine, ARequestAloneTakesItsPromptsStepAndAStepForEachOtherToken) {
  const auto outcome = run(plan_of("mixed:h100-80gb", {arrival(10ms, 1000, 3)}));
  const auto& row = outcome.requests.at(0);
  EXPECT_EQ(row.status, RequestStatus::kFinished);
  const double prompt = seconds_on("h100-80gb", {.prompt_tokens = 1000});
  const double decodes = seconds_on("h100-80gb", {.decodes = 1, .decode_context = 1001}) +
                         seconds_on("h100-80gb", {.decodes = 1, .decode_context = 1002});
  EXPECT_DOUBLE_EQ(row.arrival_s, 0.01);
  EXPECT_NEAR(row.queue_s, 0, 1e-9);
  EXPECT_NEAR(row.ttft_s, prompt, 2e-9);
  EXPECT_NEAR(row.e2e_s, prompt + decodes, 5e-9);
  EXPECT_NEAR(row.second_token_gap_s, 0, 1e-9);
  EXPECT_EQ(row.transfer_s, 0);
  EXPECT_EQ(outcome.machines.at(0).steps, 3);
  EXPECT_NEAR(outcome.machines.at(0).busy_s, prompt + decodes, 5e-9);
}

/// KV of 1600 tokens, which an H100 computes in some 200 ms.
double kv_bytes() {
  return 1600.0 * static_cast<double>(perf::built_in_catalogue().find_model("bloom-176b")->kv_bytes_per_token());
}

TEST(ProductionEngine, TheSecondTokenWaitsForTheLastGroupOfLayersWhereTheLinkKeepsUp) {
  const auto outcome = run(plan_of("prompt:h100-80gb,token:h100-80gb", {arrival(0ms, 1600, 3)}));
  const auto& row = outcome.requests.at(0);
  ASSERT_EQ(row.status, RequestStatus::kFinished);
  EXPECT_EQ(row.prompt_machine, 0);
  EXPECT_EQ(row.token_machine, 1);
  EXPECT_NEAR(row.second_token_gap_s, kv_bytes() / 6 / 400e9 + 10e-6, 1e-6);
  EXPECT_GT(row.transfer_s, row.second_token_gap_s);
}

TEST(ProductionEngine, TheSecondTokenWaitsForAllThatASlowerLinkHasLeft) {
  auto plan = plan_of("prompt:h100-80gb,token:a100-80gb", {arrival(0ms, 1600, 3)});
  plan.machines[1].hardware.link_bytes_per_s = 25e9;
  const auto outcome = run(plan);
  // The A100's card takes longer for a group than the H100 does: all of it follows the first group without a pause.
  const double prompt = seconds_on("h100-80gb", {.prompt_tokens = 1600});
  EXPECT_NEAR(outcome.requests.at(0).second_token_gap_s, kv_bytes() / 25e9 + 10e-6 - prompt * 5 / 6, 1e-6);
}

TEST(ProductionEngine, EveryTextIsRightAndEveryRequestFinishes) {
  for (const std::string machines : {"mixed:h100-80gb*3", "prompt:h100-80gb*2,token:a100-80gb*2"}) {
    const auto outcome = run(plan_of(machines, mixed_load(200, 30ms)));
    EXPECT_THAT(outcome.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished))) << machines;
    EXPECT_THAT(outcome.notes, testing::IsEmpty());
    std::int64_t outputs = 0;
    for (const auto& machine : outcome.machines) outputs += machine.output_tokens;
    std::int64_t wanted = 0;
    for (const auto& row : outcome.requests) {
      wanted += row.output_tokens;
      EXPECT_GE(row.queue_s, 0);
      EXPECT_GE(row.ttft_s, row.queue_s);
      EXPECT_GE(row.e2e_s, row.ttft_s);
    }
    EXPECT_EQ(outputs, wanted) << machines;
    double busy = 0;
    for (const auto& machine : outcome.machines) busy += machine.busy_s;
    EXPECT_NEAR(outcome.series.busy_machines.mean() * outcome.end_s, busy, 1e-6 * busy) << machines;
    EXPECT_NEAR(outcome.series.busy_machines.value(), 0, 1e-9) << machines;
    EXPECT_NEAR(outcome.series.running.value(), 0, 1e-9) << machines;
  }
}

TEST(ProductionEngine, TheSamePlanGivesTheSameOutcome) {
  const auto plan = plan_of("prompt:h100-80gb*2,token:a100-80gb*2", mixed_load(100, 20ms));
  const auto first = run(plan);
  const auto second = run(plan);
  ASSERT_EQ(first.requests.size(), second.requests.size());
  for (std::size_t i = 0; i < first.requests.size(); ++i) {
    EXPECT_EQ(first.requests[i].e2e_s, second.requests[i].e2e_s) << i;
    EXPECT_EQ(first.requests[i].token_machine, second.requests[i].token_machine) << i;
  }
  EXPECT_EQ(first.events, second.events);
}

TEST(ProductionEngine, ALoadThatOutgrowsTheMemoryIsPreemptedAndStillRight) {
  // One machine of which the model leaves KV for some 70,000 tokens.
  workload::Load load;
  for (int i = 0; i < 60; ++i) load.push_back(arrival(1ms * i, 1000, 700));
  const auto outcome = run(plan_of("mixed:h100-80gb", load));
  EXPECT_THAT(outcome.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
  EXPECT_GT(outcome.machines.at(0).preemptions, 0);
  EXPECT_GT(outcome.machines.at(0).kv_peak_bytes, 0.9 * outcome.machines.at(0).kv_capacity_bytes);
}

TEST(ProductionEngine, TextsEndByThemselvesWhereTheClusterIsNotToldTheirLengths) {
  auto plan = plan_of("prompt:h100-80gb,token:h100-80gb", mixed_load(50, 100ms));
  const auto told = run(plan);
  plan.settings = {{"outputs.told", "2000"}};
  const auto hidden = run(plan);
  EXPECT_THAT(hidden.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
  ASSERT_EQ(told.requests.size(), hidden.requests.size());
  // One machine for each phase: what the policy believes of lengths changes nothing.
  for (std::size_t i = 0; i < told.requests.size(); ++i)
    EXPECT_NEAR(told.requests[i].e2e_s, hidden.requests[i].e2e_s, 1e-9) << i;
}

TEST(ProductionEngine, WhatFitsNoMachineIsRefused) {
  const auto outcome = run(plan_of("mixed:h100-80gb", {arrival(0ms, 200'000, 10), arrival(1ms, 100, 10)}));
  EXPECT_EQ(outcome.requests.at(0).status, RequestStatus::kRefused);
  EXPECT_LT(outcome.requests.at(0).ttft_s, 0);
  EXPECT_EQ(outcome.requests.at(1).status, RequestStatus::kFinished);
}

TEST(ProductionEngine, SettingsThatAreNoneAreRefusedWithThoseThereAre) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 10, 2)});
  plan.settings = {{"scheduling.max_runing", "3"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("did you mean \"scheduling.max_running\""));
  plan.settings = {{"link.layer_groups", "0"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("from 1 to 64"));
  plan.settings.clear();
  plan.policy = "splitwize";
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("did you mean \"splitwise\""));
}

}  // namespace
}  // namespace troupe::simulate
