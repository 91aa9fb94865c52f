#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/perf/hardware.hpp"
#include "runtime/perf/performance_model.hpp"
#include "runtime/perf/profile.hpp"

namespace troupe::perf {
namespace {

using testing::HasSubstr;

Placement bloom_on(const std::string& hardware) {
  const auto& catalogue = built_in_catalogue();
  return {catalogue.find_hardware(hardware).value(), catalogue.find_model("bloom-176b").value(), 8};
}

TEST(Curve, GoesThroughItsPointsAndOnPastItsEnds) {
  const Curve curve({{10, 1}, {20, 2}, {40, 6}});
  EXPECT_DOUBLE_EQ(curve.at(20), 2);
  EXPECT_DOUBLE_EQ(curve.at(30), 4);
  EXPECT_DOUBLE_EQ(curve.at(0), 0);
  EXPECT_DOUBLE_EQ(curve.at(50), 8);
}

TEST(Profile, HoldsThePublishedMedians) {
  const ProfileModel model(find_curves(built_in_profile(), bloom_on("h100-80gb")).value(), DecodePricing::kAsPublished);
  EXPECT_NEAR(model.step_seconds({.prompt_tokens = 2048}), 0.25196, 5e-6);
  EXPECT_NEAR(model.curves().token.at(512), 0.03617, 5e-6);
}

TEST(Profile, PricesDecodesAsPublishedOrByTheirNumber) {
  const auto curves = find_curves(built_in_profile(), bloom_on("h100-80gb")).value();
  const ProfileModel published(curves, DecodePricing::kAsPublished), by_batch(curves, DecodePricing::kByBatch);
  const StepShape few{.decodes = 1}, many{.decodes = 64};
  EXPECT_LT(published.step_seconds(many) / published.step_seconds(few), 1.01);
  EXPECT_GT(by_batch.step_seconds(many) / by_batch.step_seconds(few), 1.5);
}

TEST(Profile, MakesAStepWithBothPhasesATenthDearer) {
  const ProfileModel model(find_curves(built_in_profile(), bloom_on("a100-80gb")).value(), DecodePricing::kAsPublished);
  EXPECT_DOUBLE_EQ(model.step_seconds({.prompt_tokens = 1000, .decodes = 24}),
                   model.step_seconds({.prompt_tokens = 1024}) * 1.1);
}

TEST(Profile, SaysWhatItHasWhereAPlacementWasNotMeasured) {
  auto placement = bloom_on("h100-80gb");
  placement.tensor_parallel = 4;
  const auto missing = make_performance_model("profile", placement);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("bloom-176b on h100-80gb with 4 GPUs"));
  EXPECT_THAT(missing.error().message, HasSubstr("llama2-70b on a100-80gb with 2 GPUs"));
}

TEST(Profile, NamesThePlaceOfWhatIsWrong) {
  const std::string header = "# comment\nmodel,hardware,tensor_parallel,curve,x,seconds\n";
  const auto error_of = [&](const std::string& text) { return parse_profile(text, "p.csv").error().message; };
  EXPECT_THAT(error_of("a,b\n"), HasSubstr("p.csv:1:1"));
  EXPECT_THAT(error_of(header + "m,h,1,prompt,10\n"), HasSubstr("p.csv:3:1: expected six columns"));
  EXPECT_THAT(error_of(header + "m,h,0,prompt,10,1\n"), HasSubstr("p.csv:3:5"));
  EXPECT_THAT(error_of(header + "m,h,1,promt,10,1\n"), HasSubstr("p.csv:3:7"));
  EXPECT_THAT(error_of(header + "m,h,1,prompt,nan,1\n"), HasSubstr("p.csv:3:14"));
  EXPECT_THAT(error_of(header + "m,h,1,prompt,10,-1\n"), HasSubstr("p.csv:3:17"));
  EXPECT_THAT(error_of(header + "m,h,1,prompt,10,1\nm,h,1,prompt,10,2\n"), HasSubstr("p.csv:4:14"));
  EXPECT_THAT(error_of(header + "m,h,1,prompt,10,1\n"), HasSubstr("two points"));
}

TEST(Roofline, BindsDecodesByMemoryAndPromptsByArithmetic) {
  const auto model = make_performance_model("roofline", bloom_on("h100-80gb")).value();
  const double one = model->step_seconds({.decodes = 1}), two = model->step_seconds({.decodes = 2});
  EXPECT_LT(two / one, 1.01) << "the weights are read once for both";
  const double prompt = model->step_seconds({.prompt_tokens = 4096}),
               twice = model->step_seconds({.prompt_tokens = 8192});
  EXPECT_GT(twice / prompt, 1.8);
}

TEST(Roofline, ComesWithinAFactorOfTwoOfTheProfile) {
  const auto placement = bloom_on("h100-80gb");
  const auto roofline = make_performance_model("roofline", placement).value();
  const auto profile = make_performance_model("profile", placement).value();
  for (const StepShape step : {StepShape{.prompt_tokens = 2048}, StepShape{.decodes = 1}}) {
    const double ratio = roofline->step_seconds(step) / profile->step_seconds(step);
    EXPECT_GT(ratio, 0.5);
    EXPECT_LT(ratio, 2.0);
  }
}

TEST(Catalogue, KnowsHardwareByItsNameAndItsAlias) {
  const auto& catalogue = built_in_catalogue();
  EXPECT_EQ(catalogue.find_hardware("hcap").value().name, "h100-80gb-pcap");
  EXPECT_EQ(catalogue.find_hardware("a100-80gb").value().memory_bytes, 85'899'345'920);
  EXPECT_THAT(catalogue.find_hardware("h100-80g").error().message, HasSubstr("did you mean \"h100-80gb\""));
  EXPECT_THAT(catalogue.find_model("bloom").error().message, HasSubstr("bloom-176b or llama2-70b"));
}

TEST(Catalogue, CountsKvAsTheModelHasItAndAsTheSimulatorDoes) {
  const auto llama = built_in_catalogue().find_model("llama2-70b").value();
  EXPECT_EQ(llama.kv_bytes_per_token(), 327'680);
  EXPECT_EQ(llama.kv_bytes_per_token_of_all_heads(), 2'621'440);
  EXPECT_EQ(built_in_catalogue().find_model("bloom-176b").value().kv_bytes_per_token(), 4'014'080);
}

TEST(Catalogue, NamesThePlaceOfWhatIsWrong) {
  const auto error_of = [](const std::string& text) { return parse_catalogue(text, "hw.yaml").error().message; };
  EXPECT_THAT(error_of("hardware:\n  - name: x\n    gpu: 8\n"), HasSubstr("did you mean \"gpus\""));
  EXPECT_THAT(error_of("hardware:\n  - name: x\n    memory: 80\n"), HasSubstr("hw.yaml:3:13"));
  EXPECT_THAT(error_of("hardware: 3\n"), HasSubstr("expected a list"));
  EXPECT_THAT(error_of("machines: []\n"), HasSubstr("expected hardware or models"));
}

}  // namespace
}  // namespace troupe::perf
