// What a configuration says, as the actors and policies are told it.
#include "tools/settings/settings.hpp"

#include <gmock/gmock.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(RoutingSettings, AreAllThatAClustersFileSays) {
  config::ClusterConfig cluster;
  cluster.shared.scheduling.prompt_tokens_beside_decodes = 77;
  cluster.shared.scheduling.seed = 9;
  cluster.shared.slo = {300ms, 4, 20ms};
  cluster.splitwise = {500, 33, config::SplitRule::kWhenItPays};
  cluster.link.layer_groups = 3;
  const auto told = routing_settings(cluster);
  EXPECT_EQ(told.prompt_tokens_beside_decodes, 77);
  EXPECT_EQ(told.seed, 9u);
  EXPECT_EQ(told.slo.ttft, 300ms);
  EXPECT_EQ(told.slo.ttft_slowdown, 4);
  EXPECT_EQ(told.slo.tbt, 20ms);
  EXPECT_EQ(told.overflow_prompt_tokens, 500);
  EXPECT_EQ(told.kv_reserve_percent, 33);
  EXPECT_EQ(told.split, policies::Split::kWhenItPays);
  EXPECT_EQ(told.layer_groups, 3);
}

TEST(BalancerOptions, AreThoseOfTheRolesSection) {
  config::ClusterConfig cluster;
  cluster.roles = {"by_load", 60, 10, 2000ms, 0ms, 250ms};
  cluster.splitwise.overflow_prompt_tokens = 1000;
  const auto told = balancer_options(cluster).value();
  EXPECT_EQ(told.interval, 250ms);
  // Over 60 % of 1000 pending tokens for 2 s, and not for less.
  const auto policy = told.make_policy();
  const auto look = [&](std::chrono::nanoseconds at) {
    policies::RoleSnapshot snapshot;
    snapshot.now = at;
    snapshot.machines.resize(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
      auto& machine = snapshot.machines[i];
      machine.id = MachineId{i};
      machine.home = machine.role = i == 0 ? policies::Role::kPrompt : policies::Role::kToken;
      machine.role_for = at;
    }
    snapshot.machines[0].pending_prompt_tokens = 700;
    return policy->decide(snapshot);
  };
  EXPECT_THAT(look(1s), IsEmpty());
  EXPECT_THAT(look(2s), IsEmpty());
  EXPECT_THAT(look(3s), SizeIs(1));
  cluster.roles.policy = "by_lod";
  EXPECT_THAT(balancer_options(cluster).error().message, HasSubstr("did you mean \"by_load\""));
}

TEST(AMachine, IsToldItsLimitsAndItsPoliciesTheObjectives) {
  config::ServeConfig config;
  config.scheduling.max_batch_tokens = 100;
  config.scheduling.prompt_tokens_beside_decodes = 50;
  config.scheduling.max_running = 7;
  config.scheduling.admission = "shed_late";
  config.slo.ttft = 200ms;
  MachineSpec spec;
  ASSERT_TRUE(tell_how_to_plan(spec, config).ok());
  EXPECT_EQ(spec.max_batch_tokens, 100);
  EXPECT_EQ(spec.prompt_tokens_beside_decodes, 50);
  EXPECT_EQ(spec.token_limits.max_running, 7);
  EXPECT_EQ(spec.policies.prompts, nullptr);
  ASSERT_NE(spec.policies.admission, nullptr);
  policies::AdmissionSnapshot snapshot;
  snapshot.waiting = {{.number = 1, .request = {}, .waited = 201ms}, {.number = 2, .request = {}, .waited = 200ms}};
  const auto admission = spec.policies.admission->decide(snapshot);
  ASSERT_THAT(admission.refused, SizeIs(1));
  EXPECT_EQ(admission.refused[0].number, 1u);
  config.scheduling.admission = "shed_lat";
  EXPECT_THAT(tell_how_to_plan(spec, config).error().message, HasSubstr("did you mean \"shed_late\""));
}

/// The error of the policies that the configuration names.
std::string refusal(const Result<void>& checked) { return checked.ok() ? "" : checked.error().message; }

TEST(CheckPolicies, TriesThePolicyOfEachKind) {
  const config::ServeConfig good;
  EXPECT_EQ(refusal(check_policies(good)), "");
  for (const auto& [member, key] :
       {std::pair(&config::SchedulingSection::policy, "scheduling.policy"),
        std::pair(&config::SchedulingSection::prompt_batching, "scheduling.prompt_batching"),
        std::pair(&config::SchedulingSection::token_batching, "scheduling.token_batching"),
        std::pair(&config::SchedulingSection::admission, "scheduling.admission")}) {
    auto config = good;
    config.scheduling.*member = "./nowhere/libmine.so";
    EXPECT_THAT(refusal(check_policies(config)), HasSubstr(std::string("libmine.so; ") + key + " takes"));
    config::ClusterConfig cluster;
    cluster.shared = config;
    EXPECT_THAT(refusal(check_policies(cluster)), HasSubstr(std::string("libmine.so; ") + key + " takes"));
  }
  config::ClusterConfig cluster;
  EXPECT_EQ(refusal(check_policies(cluster)), "");
  cluster.roles.policy = "./nowhere/libmine.so";
  EXPECT_THAT(refusal(check_policies(cluster)), HasSubstr("libmine.so; roles.policy takes"));
}

TEST(CheckPolicies, OfANodeAreThoseThatItAsks) {
  config::ClusterConfig cluster;
  cluster.nodes.resize(2);
  cluster.nodes[0].router = true;
  cluster.nodes[1].machines.resize(1);
  cluster.roles.policy = "./nowhere/libroles.so";
  EXPECT_THAT(refusal(check_policies(cluster, 0)), HasSubstr("libroles.so"));
  EXPECT_EQ(refusal(check_policies(cluster, 1)), "");
  cluster.roles.policy = "fixed";
  cluster.shared.scheduling.admission = "./nowhere/libadmission.so";
  EXPECT_EQ(refusal(check_policies(cluster, 0)), "");
  EXPECT_THAT(refusal(check_policies(cluster, 1)), HasSubstr("libadmission.so"));
}

}  // namespace
}  // namespace troupe
