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
using testing::Contains;
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
  EXPECT_EQ(outcome.gaps.count(), 2u);
  EXPECT_NEAR(outcome.gaps.mean(), decodes / 2, 5e-9);
}

TEST(ProductionEngine, OverheadsArePaidByEachRequestAndEachStep) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(10ms, 1000, 3), arrival(10s, 1000, 3)});
  const auto without = run(plan);
  plan.settings = {{"overheads.request_us", "3000"}, {"overheads.step_us", "500"}};
  const auto with = run(plan);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(with.requests.at(i).queue_s, without.requests.at(i).queue_s + 3e-3, 1e-8) << i;
    EXPECT_NEAR(with.requests.at(i).ttft_s, without.requests.at(i).ttft_s + 3.5e-3, 1e-8) << i;
    EXPECT_NEAR(with.requests.at(i).e2e_s, without.requests.at(i).e2e_s + 4.5e-3, 1e-8) << i;
  }
  plan.settings = {{"overheads.request_us", "3000"}, {"overheads.prompt_token_us", "0.25"}};
  EXPECT_NEAR(run(plan).requests.at(1).ttft_s, without.requests.at(1).ttft_s + 3.25e-3, 1e-8);
}

TEST(ProductionEngine, MachinesOfOneHostWaitForItsCores) {
  // Two machines with a prompt each at the same time: on one core they take turns, and end within a turn.
  auto plan = plan_of("mixed:h100-80gb*2", {arrival(0ms, 1000, 1), arrival(0ms, 1000, 1)});
  plan.policy = "round_robin";
  const double prompt = seconds_on("h100-80gb", {.prompt_tokens = 1000});
  for (const auto& [cores, slower] : {std::pair{"2", 1.0}, std::pair{"1", 2.0}}) {
    plan.settings = {{"host.cores", cores}};
    const auto rows = run(plan).requests;
    EXPECT_NEAR(std::max(rows[0].ttft_s, rows[1].ttft_s), slower * prompt, 1e-8) << cores;
    EXPECT_GE(std::min(rows[0].ttft_s, rows[1].ttft_s), slower * prompt - 4.1e-3) << cores;
  }
}

TEST(ProductionEngine, CoresThatAllWorkAreSlower) {
  auto plan = plan_of("mixed:h100-80gb*2", {arrival(0ms, 1000, 1), arrival(0ms, 1000, 1), arrival(5s, 1000, 1)});
  plan.policy = "round_robin";
  plan.settings = {{"host.cores", "2"}, {"host.speed_when_full", "0.8"}};
  const double prompt = seconds_on("h100-80gb", {.prompt_tokens = 1000});
  const auto rows = run(plan).requests;
  for (const int place : {0, 1}) EXPECT_NEAR(rows[place].ttft_s, prompt / 0.8, 1e-8);
  EXPECT_NEAR(rows[2].ttft_s, prompt, 1e-8);
}

TEST(ProductionEngine, TokensTakeTimeOfTheHostsCoresOnTheirWay) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 1000, 3)});
  const auto without = run(plan).requests.at(0);
  plan.settings = {{"host.cores", "2"}, {"overheads.token_us", "4000"}};
  const auto beside = run(plan).requests.at(0);
  EXPECT_NEAR(beside.ttft_s, without.ttft_s + 4e-3, 1e-8);
  EXPECT_NEAR(beside.e2e_s, without.e2e_s + 4e-3, 1e-8);
  plan.settings[0].second = "1";
  // The first two tokens' ways share the core with the steps behind them.
  const auto shared = run(plan).requests.at(0);
  EXPECT_NEAR(shared.ttft_s, without.ttft_s + 8e-3, 1e-8);
  EXPECT_NEAR(shared.e2e_s, without.e2e_s + 12e-3, 1e-8);
}

TEST(ProductionEngine, EveryTextIsRightWhereStepsAndTokensShareCores) {
  auto plan = plan_of("prompt:h100-80gb*2,token:h100-80gb*2", mixed_load(40, 50ms));
  plan.settings = {{"host.cores", "2"}, {"overheads.token_us", "700.5"}};
  const auto outcome = run(plan);
  EXPECT_THAT(outcome.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
  EXPECT_EQ(run(plan).requests.at(23).e2e_s, outcome.requests.at(23).e2e_s);
}

TEST(ProductionEngine, CountsAreWholeDurationsNeedNotBeAndFactorsHaveBounds) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 1000, 3)});
  plan.settings = {{"host.cores", "1.5"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("expected a whole number from 0 to 4096"));
  plan.settings = {{"overheads.step_us", "-0.5"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("expected a number from 0 to 10000000"));
  for (const char* none : {"0", "1.1"}) {
    plan.settings = {{"host.cores", "2"}, {"host.speed_when_full", none}};
    EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("expected a number from 0.01 to 1."));
  }
}

TEST(ProductionEngine, CoresOfTheHostAreNeededForTokensThatTakeTheirTime) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 1000, 3)});
  plan.settings = {{"overheads.token_us", "4000"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("Set host.cores"));
  plan.settings = {{"host.speed_when_full", "0.9"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("Set host.cores"));
}

TEST(ProductionEngine, StepsOfMachinesThatJitterDifferAndTheSameSeedRepeatsThem) {
  auto plan = plan_of("mixed:h100-80gb*2", mixed_load(40, 200ms));
  plan.machines.at(0).hardware.jitter = {0.9, 1, 1.5};
  const auto first = run(plan);
  const auto second = run(plan);
  plan.seed = 5;
  const auto other = run(plan);
  EXPECT_EQ(first.requests.at(7).e2e_s, second.requests.at(7).e2e_s);
  EXPECT_NE(first.requests.at(7).e2e_s, other.requests.at(7).e2e_s);
  EXPECT_THAT(first.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
}

/// KV of 1600 tokens, which an H100 computes in some 200 ms.
double kv_bytes() {
  return 1600.0 * static_cast<double>(perf::built_in_catalogue().find_model("bloom-176b")->kv_bytes_per_token());
}

/// The plan's two machines with cards of so many bytes a second.
SimulationPlan with_links(SimulationPlan plan, double first, double second) {
  plan.machines.at(0).hardware.link_bytes_per_s = first;
  plan.machines.at(1).hardware.link_bytes_per_s = second;
  return plan;
}

TEST(ProductionEngine, TheSecondTokenWaitsForTheLastGroupOfLayersWhereTheLinkKeepsUp) {
  const auto outcome =
      run(with_links(plan_of("prompt:h100-80gb,token:h100-80gb", {arrival(0ms, 1600, 3)}), 50e9, 50e9));
  const auto& row = outcome.requests.at(0);
  ASSERT_EQ(row.status, RequestStatus::kFinished);
  EXPECT_EQ(row.prompt_machine, 0);
  EXPECT_EQ(row.token_machine, 1);
  EXPECT_NEAR(row.second_token_gap_s, kv_bytes() / 6 / 50e9 + 10e-6, 1e-6);
  EXPECT_GT(row.transfer_s, row.second_token_gap_s);
}

TEST(ProductionEngine, TheSecondTokenWaitsForAllThatASlowerLinkHasLeft) {
  const auto outcome =
      run(with_links(plan_of("prompt:h100-80gb,token:a100-80gb", {arrival(0ms, 1600, 3)}), 50e9, 25e9));
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

std::vector<double> end_times(const SimulationOutcome& outcome) {
  std::vector<double> times;
  for (const auto& row : outcome.requests) times.push_back(row.e2e_s);
  return times;
}

TEST(ProductionEngine, AdmissionPoliciesAreToldTheObjectives) {
  // Each holds KV for a third of the machine: the fourth waits for the first to end.
  workload::Load load;
  for (int i = 0; i < 6; ++i) load.push_back(arrival(1ms * i, 20'000, 400));
  auto plan = plan_of("mixed:h100-80gb", load);
  plan.settings = {{"scheduling.admission", "shed_late"}, {"slo.ttft", "1h"}};
  EXPECT_THAT(run(plan).requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
  plan.settings.back().second = "100ms";
  EXPECT_THAT(run(plan).requests, Contains(Field(&RequestOutcome::status, RequestStatus::kRefused)));
}

TEST(ProductionEngine, WhatAFileSaysOfPoliciesAndMachinesReachesThemAsIfSetByHand) {
  auto plan = plan_of("prompt:h100-80gb*2,token:h100-80gb*2", mixed_load(40, 6ms));
  const auto plain = end_times(run(plan));
  struct Setting {
    const char* policy;
    const char* key;
    const char* value;
    void (*in_file)(config::ClusterConfig&);
  };
  const Setting settings[] = {
      {"splitwise", "splitwise.overflow_prompt_tokens", "100",
       [](config::ClusterConfig& file) { file.splitwise.overflow_prompt_tokens = 100; }},
      {"splitwise", "scheduling.max_batch_tokens", "600",
       [](config::ClusterConfig& file) { file.shared.scheduling.max_batch_tokens = 600; }},
      {"splitwise", "scheduling.max_running", "1",
       [](config::ClusterConfig& file) { file.shared.scheduling.max_running = 1; }},
      {"splitwise", "scheduling.prompt_batching", "shortest_first",
       [](config::ClusterConfig& file) { file.shared.scheduling.prompt_batching = "shortest_first"; }},
      {"splitwise", "link.layer_groups", "1", [](config::ClusterConfig& file) { file.link.layer_groups = 1; }},
      {"random", "scheduling.seed", "7", [](config::ClusterConfig& file) { file.shared.scheduling.seed = 7; }},
      {"slo_aware", "slo.ttft", "1ms", [](config::ClusterConfig& file) { file.shared.slo.ttft = 1ms; }},
  };
  for (const auto& setting : settings) {
    plan.policy = setting.policy;
    const auto before = plan.policy == "splitwise" ? plain : end_times(run(plan));
    plan.settings = {{setting.key, setting.value}};
    const auto by_hand = end_times(run(plan));
    plan.settings.clear();
    plan.cluster.emplace();
    setting.in_file(*plan.cluster);
    EXPECT_EQ(end_times(run(plan)), by_hand) << setting.key;
    EXPECT_NE(by_hand, before) << setting.key;
    plan.cluster.reset();
  }
}

TEST(ProductionEngine, ARequestThatOutlivesTheFilesTimeFails) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 100, 2), arrival(0ms, 100, 400)});
  plan.settings = {{"scheduling.request_timeout", "2s"}};
  const auto outcome = run(plan);
  EXPECT_EQ(outcome.requests.at(0).status, RequestStatus::kFinished);
  EXPECT_EQ(outcome.requests.at(1).status, RequestStatus::kFailed);
  EXPECT_LT(outcome.requests.at(1).e2e_s, 0);
}

/// Twenty seconds of more prompts than one machine can run, then as many of single requests.
workload::Load shifting_load() {
  workload::Load load;
  for (int i = 0; i < 200; ++i) load.push_back(arrival(100ms * i, 1500, 10));
  for (int i = 0; i < 20; ++i) load.push_back(arrival(20s + 1s * i, 100, 10));
  return load;
}

SimulationPlan plan_with_roles(const std::string& policy) {
  auto plan = plan_of("prompt:h100-80gb,token:h100-80gb*3", shifting_load());
  plan.settings = {{"roles.policy", policy},
                   {"roles.interval", "500ms"},
                   {"roles.hold", "1s"},
                   {"roles.settle", "4s"},
                   {"splitwise.overflow_prompt_tokens", "6000"}};
  return plan;
}

TEST(ProductionEngine, AMachineIsLentToThePoolThatIsFullAndComesHome) {
  const auto outcome = run(plan_with_roles("by_load"));
  EXPECT_THAT(outcome.requests, Each(Field(&RequestOutcome::status, RequestStatus::kFinished)));
  const auto& changes = outcome.role_changes;
  ASSERT_GE(changes.size(), 2u);
  EXPECT_EQ(changes.front().role, "prompt");
  EXPECT_THAT(changes.front().why, HasSubstr("the prompt pool is at "));
  EXPECT_GT(changes.front().machine, 0) << "one that is at home with the tokens";
  EXPECT_LT(changes.front().at_s, 20);
  EXPECT_EQ(changes.back().role, "token");
  EXPECT_THAT(changes.back().why, HasSubstr("home again"));
  EXPECT_GT(changes.back().at_s, 20);
  const auto lent = static_cast<std::size_t>(changes.front().machine);
  EXPECT_GT(outcome.machines.at(lent).prompt_tokens, 20 * 1500);
  EXPECT_THAT(run(plan_with_roles("fixed")).role_changes, testing::IsEmpty());
}

TEST(ProductionEngine, TheSamePlanGivesTheSameChangesOfRoles) {
  const auto plan = plan_with_roles("by_load");
  const auto first = run(plan);
  const auto second = run(plan);
  ASSERT_EQ(first.role_changes.size(), second.role_changes.size());
  for (std::size_t i = 0; i < first.role_changes.size(); ++i) {
    EXPECT_EQ(first.role_changes[i].at_s, second.role_changes[i].at_s) << i;
    EXPECT_EQ(first.role_changes[i].machine, second.role_changes[i].machine) << i;
  }
  EXPECT_EQ(end_times(first), end_times(second));
  EXPECT_EQ(first.events, second.events);
}

TEST(ProductionEngine, SettingsThatAreNoneAreRefusedWithThoseThereAre) {
  auto plan = plan_of("mixed:h100-80gb", {arrival(0ms, 10, 2)});
  plan.settings = {{"scheduling.max_runing", "3"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("did you mean \"scheduling.max_running\""));
  plan.settings = {{"link.layer_groups", "0"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("from 1 to 256"));
  plan.settings = {{"roles.low_percent", "60"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("roles.low_percent under 50"));
  plan.settings = {{"network.latency_us", "-1"}};
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("from 0 to 10000000"));
  plan.settings.clear();
  plan.policy = "splitwize";
  EXPECT_THAT(production_engine(plan, {}).error().message, HasSubstr("did you mean \"splitwise\""));
}

}  // namespace
}  // namespace troupe::simulate
