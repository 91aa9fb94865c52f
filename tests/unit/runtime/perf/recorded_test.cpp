// Recorded step times: what is fitted comes back, what is missing is named, and a file keeps all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/perf/recorded.hpp"

namespace troupe::perf {
namespace {

using testing::HasSubstr;

/// A machine that costs exactly what the model can say.
double truth(const StepShape& step) {
  const auto p = static_cast<double>(step.prompt_tokens);
  const double prompt = p > 0 ? 0.01 + 0.001 * p + 1e-6 * p * static_cast<double>(step.prompt_context) : 0;
  const double decode = step.decodes > 0 ? 0.008 + 0.002 * static_cast<double>(step.decodes) +
                                               1e-6 * static_cast<double>(step.decode_context)
                                         : 0;
  return prompt + (p > 0 ? 0.5 : 1.0) * decode;
}

std::vector<RecordedPoint> points() {
  const std::vector<StepShape> shapes = {{16, 0, 0, 0},     {64, 0, 0, 0},   {256, 0, 0, 0},   {64, 512, 0, 0},
                                         {128, 1024, 0, 0}, {0, 0, 1, 32},   {0, 0, 1, 1024},  {0, 0, 8, 256},
                                         {0, 0, 8, 8192},   {64, 0, 8, 256}, {256, 0, 4, 4096}};
  std::vector<RecordedPoint> out;
  for (const auto& shape : shapes) out.push_back({shape, truth(shape)});
  return out;
}

TEST(RecordedModel, GivesBackWhatItWasFittedToAndWhatLiesBetween) {
  const auto model = RecordedModel::fit(points()).value();
  for (const StepShape& step : std::vector<StepShape>{{64, 0, 0, 0},
                                                      {100, 0, 0, 0},
                                                      {1000, 0, 0, 0},
                                                      {96, 300, 0, 0},
                                                      {0, 0, 3, 600},
                                                      {0, 0, 16, 4096},
                                                      {128, 64, 6, 1000}}) {
    EXPECT_NEAR(model.step_seconds(step), truth(step), 1e-9) << step.prompt_tokens << " " << step.decodes;
  }
}

TEST(RecordedModel, OneThatLacksAKindOfPointsNamesIt) {
  auto prompts_only = points();
  std::erase_if(prompts_only, [](const auto& point) { return point.step.decodes > 0; });
  EXPECT_THAT(RecordedModel::fit(prompts_only).error().message, HasSubstr("decodes alone"));
  auto decodes_only = points();
  std::erase_if(decodes_only, [](const auto& point) { return point.step.prompt_tokens > 0; });
  EXPECT_THAT(RecordedModel::fit(decodes_only).error().message, HasSubstr("prompts alone"));
}

TEST(RecordedModel, AFileKeepsMachineModelAndPoints) {
  Hardware machine{.name = "here", .gpus = 1, .memory_bytes = 3 << 20, .link_bytes_per_s = 2.5e9, .power_w = 65};
  machine.recorded["tiny"] = points();
  machine.jitter = {0.9, 1, 1.75};
  const ModelShape model{.name = "tiny",
                         .layers = 4,
                         .hidden = 128,
                         .heads = 4,
                         .kv_heads = 2,
                         .weight_bytes = 12'000'000,
                         .parameters = 3e6,
                         .kv_bits = 32};
  const std::string file = "hardware:\n" + to_yaml(machine) + "models:\n" + to_yaml(model);
  const auto read = parse_catalogue(file, "here.yaml");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->models[0].kv_bytes_per_token(), 2 * 4 * 4 * 32 * 2);
  EXPECT_EQ(read->hardware[0].jitter, machine.jitter);
  const auto recorded = make_performance_model("recorded", {read->hardware[0], read->models[0], 1});
  ASSERT_TRUE(recorded.ok()) << recorded.error().message;
  for (const auto& [step, seconds] : points()) EXPECT_NEAR((*recorded)->step_seconds(step), seconds, 1e-6);
  EXPECT_THAT(make_performance_model("recorded", {Hardware{.name = "there"}, model, 1}).error().message,
              HasSubstr("troupe profile"));
}

TEST(RecordedModel, AFileWithAStepThatIsNoneIsRefusedAtItsLine) {
  for (const char* step :
       {"[tiny, 1, 0, 0, 0]", "[tiny, 0, 0, 0, 5, 0.1]", "[tiny, 1, 0, 0, 0, 0]", "[tiny, 1.5, 0, 0, 0, 0.1]",
        "[tiny, -1, 0, 1, 0, 0.1]", "tiny", "[tiny, 1, 0, 0, 0, nan]"}) {
    const std::string file = "hardware:\n" + to_yaml({.name = "here", .memory_bytes = 3 << 20}) +
                             "    recorded:\n      - " + step + "\nmodels: []\n";
    const auto read = parse_catalogue(file, "here.yaml");
    ASSERT_FALSE(read.ok()) << step;
    EXPECT_THAT(read.error().message, HasSubstr("here.yaml:11")) << step;
  }
}

TEST(RecordedModel, JitterThatIsNoneIsRefusedAtItsLine) {
  for (const char* jitter : {"[1, 0]", "[-1]", "[2000]", "[[1]]", "[fast]"}) {
    const std::string file =
        "hardware:\n" + to_yaml({.name = "here", .memory_bytes = 3 << 20}) + "    jitter: " + jitter + "\nmodels: []\n";
    const auto read = parse_catalogue(file, "here.yaml");
    ASSERT_FALSE(read.ok()) << jitter;
    EXPECT_THAT(read.error().message, HasSubstr("here.yaml:10")) << jitter;
  }
}

}  // namespace
}  // namespace troupe::perf
