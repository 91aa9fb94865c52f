#include "tools/simulate/scenario_file.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/simulate/engines.hpp"
#include "tools/simulate/plan.hpp"

namespace troupe::simulate {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  const auto file = parse_scenario(text, "s.yaml");
  return file.ok() ? "it was read" : file.error().message;
}

TEST(ScenarioFile, OfSplitwiseNameMachinesThatThereAre) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/cluster_configs/splitwise")) {
    const auto file = read_scenario(entry.path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->policy, kSplitwiseSim);
    EXPECT_TRUE(perf::built_in_catalogue().find_model(file->model).ok());
    for (const auto& [name, machines] : file->splits)
      EXPECT_TRUE(parse_machines(machines, perf::built_in_catalogue()).ok()) << entry.path() << " " << name;
    ++files;
  }
  EXPECT_EQ(files, 6u);
}

TEST(ScenarioFile, TakesItsFirstSplitUnlessAnotherIsAskedFor) {
  const auto file = read_scenario(TROUPE_SOURCE_DIR "/cluster_configs/splitwise/ha.yaml").value();
  EXPECT_EQ(file.machines_of("").value(), "prompt:h100-80gb*25,token:a100-80gb*26");
  EXPECT_EQ(file.machines_of("iso_cost_coding").value(), "prompt:h100-80gb*35,token:a100-80gb*10");
  EXPECT_THAT(file.machines_of("iso_cost_codin").error().message, HasSubstr("did you mean \"iso_cost_coding\""));
}

TEST(ScenarioFile, SaysWhatIsWrongWhere) {
  const std::string good = "name: n\nmodel: m\npolicy: p\nsplits: {a: x}\n";
  EXPECT_EQ(error_of(good), "it was read");
  EXPECT_THAT(error_of("name: n\n"), HasSubstr("needs name, model, policy and splits"));
  EXPECT_THAT(error_of(good + "modl: x\n"), HasSubstr("did you mean \"model\""));
  EXPECT_THAT(error_of(good + "tensor_parallel: 0\n"), HasSubstr("s.yaml:5:18"));
  EXPECT_THAT(error_of(good + "slo: {ttft: [1, 2]}\n"), HasSubstr("three slowdowns above 0"));
  EXPECT_THAT(error_of(good + "slo: {ttft: [1, 2, nan]}\n"), HasSubstr("three slowdowns above 0"));
  EXPECT_THAT(error_of("splits: []\n"), HasSubstr("expected a mapping from names to machines"));
  EXPECT_THAT(error_of("name: [\n"), HasSubstr("s.yaml"));
}

}  // namespace
}  // namespace troupe::simulate
