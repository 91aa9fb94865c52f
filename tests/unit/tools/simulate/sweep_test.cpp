#include "tools/simulate/sweep.hpp"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::simulate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto axis = parse_sweep(text);
  return axis.ok() ? "it was read" : axis.error().message;
}

SweepPoint point(const std::string& machines, double rate, bool attained) {
  SweepPoint out{machines, rate, {}};
  out.figures.attained = attained;
  return out;
}

TEST(ParseSweep, ReadsARangeWithItsEnd) {
  const auto axis = parse_sweep("rate=50:60:5").value();
  EXPECT_EQ(axis.kind, SweepAxis::Kind::kRate);
  EXPECT_THAT(axis.values, ElementsAre(50, 55, 60));
  EXPECT_THAT(parse_sweep("rate=0.1:0.3:0.1")->values.size(), 3u);
  EXPECT_THAT(parse_sweep("prompt_machines=7")->values, ElementsAre(7));
}

TEST(ParseSweep, SaysWhatIsWrong) {
  EXPECT_THAT(error_of("rates=1:2:1"), HasSubstr("did you mean \"rate\""));
  EXPECT_THAT(error_of("rate"), HasSubstr("lacks its values"));
  EXPECT_THAT(error_of("rate=1:2"), HasSubstr("a begin, an end and a step"));
  EXPECT_THAT(error_of("rate=2:1:1"), HasSubstr("the end not below"));
  EXPECT_THAT(error_of("rate=1:2:0"), HasSubstr("step must be above 0"));
  EXPECT_THAT(error_of("rate=0:2:1"), HasSubstr("above 0"));
  EXPECT_THAT(error_of("rate=1:1e9:0.001"), HasSubstr("10,000 runs"));
  EXPECT_THAT(error_of("rate=1:x:1"), HasSubstr("\"x\" is not a number"));
  EXPECT_THAT(error_of("prompt_machines=1.5"), HasSubstr("whole numbers"));
}

TEST(WithPromptMachines, KeepsTheTotal) {
  const auto machines = parse_machines("prompt:h100-80gb*25,token:a100-80gb*15", perf::built_in_catalogue()).value();
  EXPECT_EQ(to_string(with_prompt_machines(machines, 30).value()), "prompt:h100-80gb*30,token:a100-80gb*10");
  EXPECT_THAT(with_prompt_machines(machines, 40).error().message, HasSubstr("of 40 machines 40 cannot"));
  const auto mixed = parse_machines("mixed:h100-80gb*4", perf::built_in_catalogue()).value();
  EXPECT_THAT(with_prompt_machines(mixed, 2).error().message, HasSubstr("mixed:h100-80gb*4"));
}

TEST(RunInProcesses, GivesTheAnswersInTheirOrder) {
  std::size_t shown = 0;
  const auto figures = run_in_processes(
      7, 3,
      [](std::size_t place) -> Result<SweepFigures> {
        SweepFigures out;
        out.requests = place * 10;
        return out;
      },
      [&](std::size_t done) { shown = done; });
  ASSERT_TRUE(figures.ok());
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(figures->at(i).requests, i * 10);
  EXPECT_EQ(shown, 7u);
}

TEST(RunInProcesses, PassesAnErrorOnWithItsWords) {
  const auto figures = run_in_processes(3, 2,
                                        [](std::size_t place) -> Result<SweepFigures> {
                                          if (place == 1)
                                            return Error{ErrorCode::kMissingInput, "trace.csv: is not there."};
                                          return SweepFigures{};
                                        },
                                        {});
  ASSERT_FALSE(figures.ok());
  EXPECT_EQ(figures.error().code, ErrorCode::kMissingInput);
  EXPECT_EQ(figures.error().message, "trace.csv: is not there.");
}

TEST(RunInProcesses, SaysSoWhenARunDies) {
  const auto figures = run_in_processes(1, 1, [](std::size_t) -> Result<SweepFigures> { ::_exit(9); }, {});
  ASSERT_FALSE(figures.ok());
  EXPECT_THAT(figures.error().message, HasSubstr("without an answer"));
}

TEST(Knee, IsTheHighestRateBelowTheFirstThatMisses) {
  const std::vector<SweepPoint> points{point("a", 30, true), point("a", 10, true), point("a", 20, false),
                                       point("b", 10, false)};
  EXPECT_EQ(knee(points, "a"), 10);
  EXPECT_EQ(knee(points, "b"), std::nullopt);
  EXPECT_THAT(sweep_text(points), HasSubstr("knee: up to 10 requests/s all SLOs hold (a)"));
  EXPECT_THAT(sweep_text(points), HasSubstr("below the lowest rate of the sweep (b)"));
  EXPECT_THAT(sweep_json(points), HasSubstr("\"b\": null"));
}

}  // namespace
}  // namespace troupe::simulate
