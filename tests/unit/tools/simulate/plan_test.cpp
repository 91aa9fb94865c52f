#include "tools/simulate/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/simulate/engines.hpp"

namespace troupe::simulate {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto machines = parse_machines(text, perf::built_in_catalogue());
  return machines.ok() ? "it was read" : machines.error().message;
}

TEST(ParseMachines, ReadsGroupsInTheirOrder) {
  const auto machines = parse_machines("prompt:h100-80gb*25,token:a100-80gb", perf::built_in_catalogue()).value();
  ASSERT_EQ(machines.size(), 2u);
  EXPECT_EQ(machines[0].role, policies::Role::kPrompt);
  EXPECT_EQ(machines[0].count, 25);
  EXPECT_EQ(machines[1].hardware.name, "a100-80gb");
  EXPECT_EQ(machines[1].count, 1);
  EXPECT_EQ(to_string(machines), "prompt:h100-80gb*25,token:a100-80gb*1");
}

TEST(ParseMachines, SaysWhatIsWrongWhereAndWhatWasMeant) {
  EXPECT_THAT(error_of(""), HasSubstr("column 1"));
  EXPECT_THAT(error_of("h100-80gb*4"), HasSubstr("expected ROLE:HARDWARE*COUNT"));
  EXPECT_THAT(error_of("promt:h100-80gb"), HasSubstr("did you mean \"prompt\""));
  EXPECT_THAT(error_of("mixed:h100-80gb*1,token:h10-80gb*2"), HasSubstr("column 25"));
  EXPECT_THAT(error_of("mixed:h10-80gb"), HasSubstr("did you mean \"h100-80gb\""));
  EXPECT_THAT(error_of("mixed:h100-80gb*0"), HasSubstr("column 17"));
  EXPECT_THAT(error_of("mixed:h100-80gb*4x"), HasSubstr("expected a count"));
  EXPECT_THAT(error_of("mixed:h100-80gb*99999,mixed:h100-80gb*99999"), HasSubstr("100,000 machines in all"));
}

TEST(RunSplitwiseSim, RefusesSettingsAndStepTimesThatItHasNot) {
  SimulationPlan plan;
  plan.machines = parse_machines("mixed:h100-80gb", perf::built_in_catalogue()).value();
  plan.model = perf::built_in_catalogue().find_model("bloom-176b").value();
  plan.load = {{{}, 100, 10}};
  EXPECT_TRUE(run_splitwise_sim(plan, {}).ok());
  plan.performance_model = "roofline";
  EXPECT_THAT(run_splitwise_sim(plan, {}).error().message, HasSubstr("profile_as_published"));
  plan.performance_model.clear();
  plan.settings = {{"queue_limit", "1"}};
  EXPECT_THAT(run_splitwise_sim(plan, {}).error().message, HasSubstr("Leave out --set queue_limit"));
}

}  // namespace
}  // namespace troupe::simulate
