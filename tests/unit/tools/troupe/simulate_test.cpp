#include "tools/troupe/simulate.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::HasSubstr;

constexpr const char* kScenario = TROUPE_SOURCE_DIR "/cluster_configs/splitwise/ha.yaml";

TEST(SetUp, TakesFromTheFileWhatTheCommandLineLeavesOut) {
  SimulateOptions options;
  options.config = kScenario;
  options.model = "llama2-70b";
  const auto setup = set_up(options, "").value();
  EXPECT_EQ(simulate::to_string(setup.plan.machines), "prompt:h100-80gb*25,token:a100-80gb*26");
  EXPECT_EQ(setup.plan.model.name, "llama2-70b");
  EXPECT_EQ(setup.plan.policy, "splitwise_sim");
  EXPECT_EQ(simulate::to_string(set_up(options, "mixed:h100-80gb*2").value().plan.machines), "mixed:h100-80gb*2");
}

TEST(SetUp, ModelsTheMachinesOfAClustersFileByTheHardwareNamed) {
  SimulateOptions options;
  options.config = TROUPE_SOURCE_DIR "/cluster_configs/local.yaml";
  EXPECT_THAT(set_up(options, "").error().message, HasSubstr("Give --on h100-80gb, or --machines"));
  options.on = "h100-80gb";
  options.settings = {"link.layer_groups=3"};
  const auto setup = set_up(options, "").value();
  EXPECT_EQ(simulate::to_string(setup.plan.machines), "prompt:h100-80gb*1,token:h100-80gb*1,mixed:h100-80gb*1");
  EXPECT_EQ(setup.plan.policy, "splitwise");
  EXPECT_EQ(setup.plan.settings.back(), simulate::Setting("link.layer_groups", "3"))
      << "the command line has the last word";
}

TEST(SetUp, CarriesAllThatAClustersFileSays) {
  const std::string path = testing::TempDir() + "/carried.yaml";
  std::ofstream(path)
      << "cluster: c\n"
         "model: {path: /m}\n"
         "scheduling: {policy: slo_aware, admission: shed_late, seed: 5}\n"
         "slo: {ttft: 250ms}\n"
         "splitwise: {split: when_it_pays}\n"
         "roles: {policy: by_load}\n"
         "nodes:\n"
         "  - {name: a, control_port: 7401, router: true, http: {}, machines: [{name: m, role: mixed}]}\n";
  SimulateOptions options;
  options.config = path;
  options.on = "h100-80gb";
  const auto setup = set_up(options, "").value();
  EXPECT_EQ(setup.plan.policy, "slo_aware");
  ASSERT_TRUE(setup.plan.cluster);
  EXPECT_EQ(setup.plan.cluster->shared.scheduling.admission, "shed_late");
  EXPECT_EQ(setup.plan.cluster->shared.scheduling.seed, 5u);
  EXPECT_EQ(setup.plan.cluster->shared.slo.ttft, std::chrono::milliseconds(250));
  EXPECT_EQ(setup.plan.cluster->splitwise.split, config::SplitRule::kWhenItPays);
  EXPECT_EQ(setup.plan.cluster->roles.policy, "by_load");
}

TEST(SetUp, SaysWhatToGive) {
  SimulateOptions options;
  EXPECT_THAT(set_up(options, "").error().message, HasSubstr("give --machines"));
  options.split = "iso_power_coding";
  EXPECT_THAT(set_up(options, "mixed:h100-80gb").error().message, HasSubstr("--split"));
  options.split.clear();
  options.settings = {"threshold"};
  EXPECT_THAT(set_up(options, "mixed:h100-80gb").error().message, HasSubstr("expected key=value"));
  options.settings.clear();
  options.model = "bloom-176";
  EXPECT_THAT(set_up(options, "mixed:h100-80gb").error().message, HasSubstr("did you mean \"bloom-176b\""));
  options.config = kScenario;
  options.on = "h100-80gb";
  EXPECT_THAT(set_up(options, "").error().message, HasSubstr("--on says what a cluster's file"));
  options.on.clear();
  options.config = "/nowhere.yaml";
  EXPECT_EQ(set_up(options, "").error().code, ErrorCode::kMissingInput);
}

TEST(LoadOf, MakesALoadOrSaysWhatToGive) {
  SimulateOptions options;
  EXPECT_THAT(load_of(options, {}).error().message, HasSubstr("give --trace FILE, or --rate"));
  options.duration = 10;
  options.prompt_tokens = {7};
  const auto load = load_of(options, 20).value();
  EXPECT_NEAR(static_cast<double>(load.size()), 200, 60);
  EXPECT_EQ(load.front().prompt_tokens, 7);
  options.arrivals = "gama";
  EXPECT_THAT(load_of(options, 20).error().message, HasSubstr("did you mean \"gamma\""));
  EXPECT_THAT(load_of(options, -1).error().message, HasSubstr("--rate"));
}

TEST(LoadOf, StretchesATraceToTheRate) {
  const std::string path = testing::TempDir() + "/stretched.csv";
  {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    std::fputs("arrival_timestamp,prompt_size,token_size\n1,10,10\n2,10,10\n3,10,10\n", file);
    std::fclose(file);
  }
  SimulateOptions options;
  options.trace = path;
  EXPECT_EQ(load_of(options, {})->back().at, std::chrono::seconds(3)) << "as it is";
  EXPECT_EQ(load_of(options, 6)->back().at, std::chrono::milliseconds(500)) << "three requests in half a second";
  EXPECT_THAT(load_of(options, 1e-300).error().message, HasSubstr("give a higher one"));
}

}  // namespace
}  // namespace troupe
