#include "runtime/workload/generate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <cmath>

namespace troupe::workload {
namespace {

using testing::HasSubstr;

struct Gaps {
  double mean = 0, variation = 0;
};

Gaps gaps_of(const Load& load) {
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < load.size(); ++i) {
    const double gap = static_cast<double>((load[i].at - load[i - 1].at).count()) / 1e9;
    sum += gap;
    squares += gap * gap;
  }
  const auto count = static_cast<double>(load.size() - 1);
  const double mean = sum / count;
  return {mean, std::sqrt(squares / count - mean * mean) / mean};
}

LoadRecipe recipe(ArrivalProcess process, double burstiness = 1) {
  LoadRecipe out;
  out.process = process;
  out.rate = 50;
  out.seconds = 400;
  out.burstiness = burstiness;
  out.seed = 3;
  return out;
}

TEST(Generate, SpreadsArrivalsAsAskedFor) {
  const auto constant = gaps_of(generate(recipe(ArrivalProcess::kConstant)).value());
  EXPECT_NEAR(constant.mean, 0.02, 1e-6);
  EXPECT_NEAR(constant.variation, 0, 1e-3);
  const auto poisson = gaps_of(generate(recipe(ArrivalProcess::kPoisson)).value());
  EXPECT_NEAR(poisson.mean, 0.02, 0.001);
  EXPECT_NEAR(poisson.variation, 1, 0.05);
  for (const double burstiness : {0.5, 3.0}) {
    const auto gamma = gaps_of(generate(recipe(ArrivalProcess::kGamma, burstiness)).value());
    EXPECT_NEAR(gamma.mean, 0.02, 0.002) << burstiness;
    EXPECT_NEAR(gamma.variation / burstiness, 1, 0.1) << burstiness;
  }
}

TEST(Generate, GivesTheSameLoadForTheSameSeed) {
  auto asked = recipe(ArrivalProcess::kPoisson);
  const auto once = generate(asked).value(), again = generate(asked).value();
  ASSERT_EQ(once.size(), again.size());
  EXPECT_EQ(once.back().at, again.back().at);
  EXPECT_EQ(once.back().prompt_tokens, again.back().prompt_tokens);
  asked.seed = 4;
  EXPECT_NE(generate(asked)->back().at, once.back().at);
}

TEST(Generate, DrawsLengthsWithTheMedianAskedFor) {
  auto asked = recipe(ArrivalProcess::kConstant);
  asked.prompt = {1000, 3000};
  asked.output = {7, 7};
  const Load load = generate(asked).value();
  std::size_t below = 0, below_p90 = 0;
  for (const auto& arrival : load) {
    below += arrival.prompt_tokens <= 1000;
    below_p90 += arrival.prompt_tokens <= 3000;
    EXPECT_EQ(arrival.output_tokens, 7);
  }
  EXPECT_NEAR(static_cast<double>(below) / static_cast<double>(load.size()), 0.5, 0.02);
  EXPECT_NEAR(static_cast<double>(below_p90) / static_cast<double>(load.size()), 0.9, 0.02);
}

TEST(Generate, DrawsSeenLengthsApartOrTogether) {
  auto asked = recipe(ArrivalProcess::kConstant);
  asked.lengths = SeenLengths{{{{}, 10, 1}, {{}, 20, 2}}, true};
  const Load together = generate(asked).value();
  for (const auto& arrival : together) EXPECT_EQ(arrival.prompt_tokens, arrival.output_tokens * 10);
  asked.lengths->together = false;
  std::size_t crossed = 0;
  const Load apart = generate(asked).value();
  for (const auto& arrival : apart) crossed += arrival.prompt_tokens != arrival.output_tokens * 10;
  EXPECT_GT(crossed, 0u);
}

TEST(Generate, RefusesWhatThereCannotBe) {
  const auto error_of = [](const auto& change) {
    auto asked = recipe(ArrivalProcess::kPoisson);
    change(asked);
    const auto load = generate(asked);
    return load.ok() ? "it was made" : load.error().message;
  };
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.rate = 0; }), HasSubstr("rate"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.rate = std::nan(""); }), HasSubstr("rate"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.seconds = -1; }), HasSubstr("duration"));
  EXPECT_THAT(error_of([](LoadRecipe& r) {
                r.seconds = 1e300;
                r.rate = 1e-300;
              }),
              HasSubstr("duration"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.rate = 1e9; }), HasSubstr("20,000,000"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.burstiness = 100; }), HasSubstr("burstiness"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.prompt = {0, 1}; }), HasSubstr("lengths"));
  EXPECT_THAT(error_of([](LoadRecipe& r) { r.lengths = SeenLengths{}; }), HasSubstr("no request"));
  EXPECT_THAT(parse_arrival_process("poison").error().message, HasSubstr("did you mean \"poisson\""));
}

}  // namespace
}  // namespace troupe::workload
